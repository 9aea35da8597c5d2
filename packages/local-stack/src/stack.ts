import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { roleUrl } from "@control-plane/db";
import { deleteStores, type Stores, startStores } from "@control-plane/local-stores";
import { checkMetadata } from "./check-metadata.ts";
import { chooseRunner } from "./choose-runner.ts";
import { claimServer } from "./claim-server.ts";
import { cloneTag, databaseName, defaultStateDir } from "./clone.ts";
import { awaitOwnHasura } from "./own-hasura.ts";
import { type Ports, reservePorts } from "./ports.ts";
import { prepareDatabase } from "./prepare-database.ts";
import { engineSpec, type SpecInput, type StackUrls, type StoreUrls, serviceSpecs, urlsOf } from "./process-specs.ts";
import { loadSecrets, type StackSecrets } from "./secrets.ts";
import { PortLostError, type ServiceProcess, type ServiceSpec, startService } from "./service-process.ts";
import { setupLogs } from "./setup-logs.ts";
import { LOCK_FILE, lockStack, OWNER_FILE, type StackLock } from "./stack-lock.ts";
import { unlessAborted } from "./unless-aborted.ts";

export type StackOptions = {
  /** Where everything of this stack lives; two stacks need two. */
  stateDir?: string;
  /** Where mails become files; by default within `stateDir`. */
  mailDir?: string;
  /** Deletes what earlier starts left. */
  fresh?: boolean;
  /** Takes any free ports instead of 8080 and 4001 to 4004. */
  anyPort?: boolean;
  /** Of `stateDir`, where the caller has it already; else it is taken here. */
  lock?: StackLock;
  /** Settings of single services on top, by service name (`orchestrator`, `runner` …). */
  overrides?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Base URL of a Hasura that runs elsewhere; without it the embedded engine is started. */
  hasuraUrl?: string | undefined;
  /** Ends a start at once; what was started is stopped again. */
  signal?: AbortSignal;
  log: (line: string) => void;
};

export type ServiceName = "auth-actions" | "webhook-gateway" | "orchestrator" | "logs-schema" | "hasura" | "runner";

export type Stack = {
  urls: StackUrls;
  stores: StoreUrls;
  /** The administrator's URL of the stack's database. */
  databaseUrl: string;
  secrets: StackSecrets;
  /** The variables that named a store of the user's. */
  given: readonly string[];
  queuePrefix: string;
  /** A file for each mail that was sent. */
  mailDir: string;
  /** Undefined where a part could not be started; `notes` say why. */
  service(name: ServiceName): ServiceProcess | undefined;
  notes: readonly string[];
  stop(): Promise<void>;
};

/**
 * Starts the whole control plane: stores, schema, services, engine, runner, in the order in which they need each other.
 * Whatever fails, everything already started is stopped again before the error is thrown.
 * @throws StackRunningError when another process has a stack in that folder
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stateDir = options.stateDir ?? defaultStateDir;
  const mailDir = options.mailDir ?? join(stateDir, "mail");
  const lock = options.lock ?? lockStack(stateDir);
  const closers: Closer[] = [async () => lock.release()];
  const stop = (): Promise<void> => closeAll(closers);
  try {
    if (options.fresh === true) await deleteState(stateDir, mailDir);
    const logDir = join(stateDir, "logs");
    mkdirSync(logDir, { recursive: true });
    return await assemble({ ...options, stateDir, mailDir, logDir, closers, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

type Closer = () => Promise<void>;

async function closeAll(closers: Closer[]): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

type Assembly = StackOptions & {
  stateDir: string;
  mailDir: string;
  logDir: string;
  closers: Closer[];
  stop: () => Promise<void>;
};

type Timed = <T>(label: string, work: () => Promise<T>) => Promise<T>;

async function assemble(options: Assembly): Promise<Stack> {
  const { stateDir, log, signal, closers, hasuraUrl } = options;
  const timed: Timed = (label, work) => {
    signal?.throwIfAborted();
    return withProgress(log, label, work);
  };

  await timed("metadata rules", () => unlessAborted(checkMetadata(), signal));
  const stores = await timed("stores: PostgreSQL, Redis, MongoDB", () =>
    startStores({ dataDir: join(stateDir, "stores"), keepRunning: true, signal, log }),
  );
  closers.push(() => stores.stop());
  const secrets = loadSecrets(stateDir);
  const serverUrl = requireStore(stores, "DATABASE_URL");
  const claim = await claimServer(serverUrl, stateDir);
  closers.push(() => claim.release());
  const adminUrl = await timed("database schema and catalogue", () =>
    unlessAborted(prepareDatabase(serverUrl, stateDir, secrets), signal),
  );
  const urls = storeUrls(stores, adminUrl, secrets, stateDir);
  const { mongodb } = urls;
  if (mongodb !== undefined) await timed("log collection", () => unlessAborted(setupLogs(mongodb), signal));

  const running = new Map<string, ServiceProcess>();
  const input = await onFreePorts(options, async (ports, closers) => {
    const input: SpecInput = {
      ports,
      secrets,
      stores: urls,
      logDir: options.logDir,
      mailDir: options.mailDir,
      queuePrefix: `cp-${cloneTag(stateDir)}`,
      overrides: options.overrides ?? {},
    };
    const start = createStart(running, closers, options);
    await timed("services", () => startTogether(serviceSpecs(input), start));
    if (hasuraUrl === undefined) await timed("Hasura-compatible engine", () => start(engineSpec(input)));
    return input;
  });
  if (hasuraUrl !== undefined)
    await timed(`Hasura at ${hasuraUrl}`, () =>
      awaitOwnHasura({ url: hasuraUrl, engineEnv: engineSpec(input).env, stateDir, signal, log }),
    );
  const runner = await timed("runner", async () => {
    const choice = await chooseRunner(input, log, signal);
    await createStart(running, closers, options)(choice.spec);
    return choice;
  });
  return {
    urls: { ...urlsOf(input.ports), ...(hasuraUrl === undefined ? {} : { hasura: hasuraUrl }) },
    stores: input.stores,
    databaseUrl: adminUrl,
    secrets,
    given: Object.values(stores.running)
      .map(({ source }) => source)
      .filter((source) => source in stores.env),
    queuePrefix: input.queuePrefix,
    mailDir: input.mailDir,
    service: (name) => running.get(name),
    notes: [runner.note, ...stores.missing.map(({ message }) => message)],
    stop: options.stop,
  };
}

function createStart(
  running: Map<string, ServiceProcess>,
  closers: Closer[],
  { log, signal }: Assembly,
): (spec: ServiceSpec) => Promise<void> {
  return async (spec) => {
    const service = await startService(spec, log, signal);
    running.set(spec.name, service);
    closers.push(() => service.stop());
  };
}

const PORT_TRIES_MAX = 5;

/** Starts what listens; when another program takes one of the ports meanwhile, everything is started on ports chosen anew, since each part is told where the others are. */
async function onFreePorts<T>(
  { stateDir, anyPort, closers, log }: Assembly,
  start: (ports: Ports, closers: Closer[]) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const { ports, release } = await reservePorts(stateDir, anyPort === true);
    const started: Closer[] = [async () => release()];
    try {
      const result = await start(ports, started);
      closers.push(...started);
      return result;
    } catch (error) {
      await closeAll(started);
      if (!(error instanceof PortLostError) || tries === PORT_TRIES_MAX) throw error;
      log(`${error.message}; taking others`);
    }
  }
}

/** All at once; when one fails the others are still waited for, so that each that came up is known and can be stopped. */
async function startTogether<T>(specs: readonly T[], start: (spec: T) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(specs.map(start));
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

async function withProgress<T>(log: (line: string) => void, label: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  log(`${label} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  return result;
}

function requireStore(stores: Stores, variable: "DATABASE_URL" | "REDIS_URL"): string {
  const url = stores.env[variable];
  if (url !== undefined) return url;
  throw new Error(`${variable}: ${stores.missing.map(({ message }) => message).join("; ")}`);
}

function storeUrls(stores: Stores, adminUrl: string, secrets: StackSecrets, stateDir: string): StoreUrls {
  const { hasura, auth, gateway, orchestrator, logs } = secrets.databasePasswords;
  return {
    redis: requireStore(stores, "REDIS_URL"),
    mongodb: mongoUrl(stores.env.MONGODB_URL, stateDir),
    database: {
      hasura: roleUrl(adminUrl, "cp_hasura", hasura),
      auth: roleUrl(adminUrl, "cp_auth", auth),
      gateway: roleUrl(adminUrl, "cp_gateway", gateway),
      orchestrator: roleUrl(adminUrl, "cp_orchestrator", orchestrator),
      logs: roleUrl(adminUrl, "cp_logs", logs),
    },
  };
}

/** A URL without a path gets a database of this stack. */
function mongoUrl(given: string | undefined, stateDir: string): string | undefined {
  if (given === undefined) return undefined;
  const url = new URL(given);
  if (url.pathname === "" || url.pathname === "/") url.pathname = `/${databaseName(stateDir)}`;
  return url.href;
}

/** Deletes data, secrets, logs and mails. Throws when a stack of that folder runs. */
export async function resetStack(stateDir: string, mailDir: string): Promise<void> {
  const lock = lockStack(stateDir);
  try {
    await deleteState(stateDir, mailDir);
  } finally {
    lock.release();
  }
}

/** The caller holds the lock of `stateDir`. */
export async function deleteState(stateDir: string, mailDir: string): Promise<void> {
  await deleteStores(join(stateDir, "stores"));
  for (const name of readdirSync(stateDir))
    if (name !== LOCK_FILE && name !== OWNER_FILE) rmSync(join(stateDir, name), { recursive: true, force: true });
  rmSync(mailDir, { recursive: true, force: true });
}
