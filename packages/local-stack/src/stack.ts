import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, databaseUrl, migrate, roleUrl, seed } from "@control-plane/db";
import { deleteStores, type Stores, startStores } from "@control-plane/local-stores";
import pg from "pg";
import { checkMetadata } from "./check-metadata.ts";
import { chooseRunner } from "./choose-runner.ts";
import { cloneTag, rootDir } from "./clone.ts";
import { awaitOwnHasura } from "./own-hasura.ts";
import { choosePorts } from "./ports.ts";
import { engineSpec, type SpecInput, type StackUrls, type StoreUrls, serviceSpecs, urlsOf } from "./process-specs.ts";
import { loadSecrets, type StackSecrets } from "./secrets.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
import { setupLogs } from "./setup-logs.ts";

export type StackOptions = {
  /** Where everything of this stack lives; two stacks need two. */
  stateDir?: string;
  /** Where mails become files; by default within `stateDir`. */
  mailDir?: string;
  /** Deletes what earlier starts left. */
  fresh?: boolean;
  /** Takes any free ports instead of 8080 and 4001 to 4004. */
  anyPort?: boolean;
  /** Settings of single services on top, by service name (`orchestrator`, `runner` …). */
  overrides?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Base URL of a Hasura that runs elsewhere; without it the embedded engine is started. */
  hasuraUrl?: string | undefined;
  /** Ends a start after its current step; what was started is stopped again. */
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
  queuePrefix: string;
  /** A file for each mail that was sent. */
  mailDir: string;
  /** Undefined where a part could not be started; `notes` say why. */
  service(name: ServiceName): ServiceProcess | undefined;
  notes: readonly string[];
  stop(): Promise<void>;
};

export const defaultStateDir = join(rootDir, ".local/stack");
export const defaultMailDir = join(rootDir, ".local/mail");

/**
 * Starts the whole control plane: stores, schema, services, engine, runner, in the order in which they need each other.
 * Whatever fails, everything already started is stopped again before the error is thrown.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stateDir = options.stateDir ?? defaultStateDir;
  const mailDir = options.mailDir ?? join(stateDir, "mail");
  if (options.fresh === true) await resetStack(stateDir, mailDir);
  const logDir = join(stateDir, "logs");
  mkdirSync(logDir, { recursive: true });
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await assemble({ ...options, stateDir, mailDir, logDir, closers, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

type Assembly = StackOptions & {
  stateDir: string;
  mailDir: string;
  logDir: string;
  closers: (() => Promise<void>)[];
  stop: () => Promise<void>;
};

async function assemble(options: Assembly): Promise<Stack> {
  const { stateDir, log, closers } = options;
  const timed = <T>(label: string, work: () => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted();
    return withProgress(log, label, work);
  };

  await timed("metadata rules", async () => checkMetadata());
  const stores = await timed("stores: PostgreSQL, Redis, MongoDB", () =>
    startStores({ dataDir: join(stateDir, "stores"), log }),
  );
  closers.push(() => stores.stop());
  const secrets = loadSecrets(stateDir);
  const adminUrl = await timed("database schema and catalogue", () =>
    prepareDatabase(requireStore(stores, "DATABASE_URL"), stateDir, secrets),
  );
  const input: SpecInput = {
    ports: await choosePorts(stateDir, options.anyPort === true),
    secrets,
    stores: storeUrls(stores, adminUrl, secrets, stateDir),
    logDir: options.logDir,
    mailDir: options.mailDir,
    queuePrefix: `cp-${cloneTag(stateDir)}`,
    overrides: options.overrides ?? {},
  };
  const { mongodb } = input.stores;
  if (mongodb !== undefined) await timed("log collection", () => setupLogs(mongodb));

  const running = new Map<string, ServiceProcess>();
  const start = async (spec: Parameters<typeof startService>[0]): Promise<void> => {
    const service = await startService(spec, log);
    running.set(spec.name, service);
    closers.push(() => service.stop());
  };
  await timed("services", () => startTogether(serviceSpecs(input), start));
  const { hasuraUrl } = options;
  if (hasuraUrl === undefined) await timed("Hasura-compatible engine", () => start(engineSpec(input)));
  else
    await timed(`Hasura at ${hasuraUrl}`, () =>
      awaitOwnHasura({ url: hasuraUrl, engineEnv: engineSpec(input).env, stateDir, signal: options.signal, log }),
    );
  const runner = await timed("runner", async () => {
    const choice = await chooseRunner(input, log);
    await start(choice.spec);
    return choice;
  });
  return {
    urls: { ...urlsOf(input.ports), ...(hasuraUrl === undefined ? {} : { hasura: hasuraUrl }) },
    stores: input.stores,
    databaseUrl: adminUrl,
    secrets,
    queuePrefix: input.queuePrefix,
    mailDir: input.mailDir,
    service: (name) => running.get(name),
    notes: [runner.note, ...stores.missing.map(({ message }) => message)],
    stop: options.stop,
  };
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

/** The stack's own database on the server; a server given by DATABASE_URL keeps its other databases untouched. */
async function prepareDatabase(serverUrl: string, stateDir: string, secrets: StackSecrets): Promise<string> {
  const name = `control_plane_${cloneTag(stateDir)}`;
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  try {
    const { rowCount } = await server.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount === 0) await server.query(`create database ${name}`);
  } finally {
    await server.end();
  }
  const url = databaseUrl(serverUrl, name);
  const { hasura, auth, gateway, orchestrator, logs } = secrets.databasePasswords;
  await migrate({
    url,
    passwords: { cp_hasura: hasura, cp_auth: auth, cp_gateway: gateway, cp_orchestrator: orchestrator, cp_logs: logs },
  });
  const client = createDatabase({ url, poolMax: 1, applicationName: "local-stack", work: "command" });
  try {
    await seed(client.db);
  } finally {
    await client.close();
  }
  return url;
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
  if (url.pathname === "" || url.pathname === "/") url.pathname = `/control_plane_${cloneTag(stateDir)}`;
  return url.href;
}

/** Deletes data, secrets, logs and mails of a stack that does not run. */
export async function resetStack(stateDir: string, mailDir: string): Promise<void> {
  await deleteStores(join(stateDir, "stores"));
  for (const directory of [stateDir, mailDir]) rmSync(directory, { recursive: true, force: true });
}
