import { mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startInDocker } from "./docker.ts";
import { givenStore } from "./given-store.ts";
import { keepRunning } from "./keep-running.ts";
import { startMongo } from "./mongo.ts";
import { startPostgres } from "./postgres.ts";
import { awaitPredecessor } from "./predecessor.ts";
import { startRedis } from "./redis.ts";
import type { Store, StoreOptions } from "./run-server.ts";
import { type StoreName, StoreUnavailableError } from "./store-unavailable.ts";

const STORE_VARIABLES = {
  postgres: "DATABASE_URL",
  redis: "REDIS_URL",
  mongo: "MONGODB_URL",
} as const satisfies Record<StoreName, string>;

const STARTERS = { postgres: startPostgres, redis: startRedis, mongo: startMongo } as const satisfies Record<
  StoreName,
  (options: StoreOptions) => Promise<Store>
>;

const STORE_NAMES = ["postgres", "redis", "mongo"] as const satisfies readonly StoreName[];

export type Stores = {
  running: Partial<Record<StoreName, Store>>;
  /** What this machine cannot offer; empty with REQUIRE_ALL=1, which makes that an error. */
  missing: StoreUnavailableError[];
  /** DATABASE_URL, REDIS_URL and MONGODB_URL of what runs. */
  env: Record<string, string>;
  stop(): Promise<void>;
};

async function rememberedPorts(file: string): Promise<Partial<Record<string, number>>> {
  try {
    const known: unknown = JSON.parse(await readFile(file, "utf8"));
    const entries = Object.entries(known ?? {}).filter((entry): entry is [string, number] =>
      Number.isInteger(entry[1]),
    );
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

/** Throws for a value that nobody knows, instead of doing something else than what was asked for. */
function wantsDocker({ STORES: given = "" }: NodeJS.ProcessEnv): boolean {
  if (given === "" || given === "docker") return given === "docker";
  throw new Error(`STORES: must be "docker" or unset, not ${JSON.stringify(given)}`);
}

async function startOne(name: StoreName, env: NodeJS.ProcessEnv, options: StoreOptions): Promise<Store> {
  const variable = STORE_VARIABLES[name];
  const url = env[variable];
  if (url !== undefined && url !== "") return givenStore(name, variable, url);
  return wantsDocker(env) ? startInDocker(name, options) : STARTERS[name](options);
}

/**
 * Starts those of the three stores that no variable names. State, log files and the ports of last time are in
 * `dataDir`; a port that has been taken since is replaced, so the URLs returned are the ones to use.
 */
export async function startStores(options: {
  dataDir: string;
  fresh?: boolean;
  /** Default: all three. */
  only?: readonly StoreName[];
  env?: NodeJS.ProcessEnv;
  /** Starts a store that ends by itself again, on the same port. */
  keepRunning?: boolean;
  /** See {@link StoreOptions}. */
  forTests?: boolean;
  /** Ends the start; what was started is stopped again. */
  signal?: AbortSignal | undefined;
  log: (line: string) => void;
}): Promise<Stores> {
  const env = options.env ?? process.env;
  wantsDocker(env);
  const portsFile = join(options.dataDir, "ports.json");
  await mkdir(options.dataDir, { recursive: true });
  const ports = await rememberedPorts(portsFile);
  const names = STORE_NAMES.filter((name) => options.only?.includes(name) ?? true);
  const attempts = await Promise.allSettled(
    names.map(async (name) => {
      const settings = { dataDir: join(options.dataDir, name), forTests: options.forTests, log: options.log };
      const { fresh, signal } = options;
      const store = await startOne(name, env, { ...settings, port: ports[name], fresh, signal });
      return options.keepRunning === true ? keepStore(name, store, settings) : store;
    }),
  );
  const stores: Stores = { running: {}, missing: [], env: {}, stop: () => stopAll(Object.values(stores.running)) };
  const failures: unknown[] = [];
  for (const [index, name] of names.entries()) {
    const attempt = attempts[index];
    if (attempt?.status === "fulfilled") {
      stores.running[name] = attempt.value;
      stores.env[STORE_VARIABLES[name]] = attempt.value.url;
    } else if (attempt?.reason instanceof StoreUnavailableError && env.REQUIRE_ALL !== "1") {
      stores.missing.push(attempt.reason);
    } else {
      failures.push(attempt?.reason);
    }
  }
  if (failures.length > 0 || options.signal?.aborted === true) {
    await stores.stop();
    options.signal?.throwIfAborted();
    const messages = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
    throw new AggregateError(failures, messages.join("\n"));
  }
  await rememberPorts(portsFile, stores);
  return stores;
}

type OwnStore = Store & Required<Pick<Store, "processId" | "hasExited">>;

const isOwn = (store: Store): store is OwnStore => store.processId !== undefined && store.hasExited !== undefined;

/** The store under its URL for as long as it is not stopped, whatever its process does. */
function keepStore(name: StoreName, first: Store, settings: Pick<StoreOptions, "dataDir" | "forTests" | "log">): Store {
  if (!isOwn(first)) return first;
  const start = async (signal: AbortSignal): Promise<OwnStore> => {
    const store = await STARTERS[name]({ ...settings, port: Number(new URL(first.url).port), signal });
    if (isOwn(store) && store.url === first.url) {
      settings.log(`${name} is back`);
      return store;
    }
    await store.stop();
    throw new Error(`${name}: another program took its port; stop this stack and start it again`);
  };
  const logFile = join(settings.dataDir, "server.log");
  const kept = keepRunning({ name, first, start, log: settings.log, logFile });
  return {
    url: first.url,
    source: first.source,
    get processId() {
      return kept.current().processId;
    },
    hasExited: () => kept.current().hasExited(),
    stop: kept.stop,
  };
}

async function rememberPorts(file: string, stores: Stores): Promise<void> {
  const started = Object.entries(stores.running).filter(([, store]) => store.processId !== undefined);
  const ports = Object.fromEntries(started.map(([name, store]) => [name, Number(new URL(store.url).port)]));
  if (started.length > 0) await writeFile(file, `${JSON.stringify({ ...(await rememberedPorts(file)), ...ports })}\n`);
}

async function stopAll(stores: readonly Store[]): Promise<void> {
  await Promise.allSettled(stores.map((store) => store.stop()));
}

/** Deletes what {@link startStores} keeps for this folder, wherever that is. Waits for stores that are still ending. */
export async function deleteStores(dataDir: string): Promise<void> {
  for (const { folder } of await storeFolders(dataDir)) {
    await awaitPredecessor(join(folder, "server.pid"), await realpath(folder).catch(() => folder));
    await rm(folder, { recursive: true, force: true });
  }
  await rm(dataDir, { recursive: true, force: true });
}

/** Where each store that is started here has its files: log, number of the process, data. */
export async function storeFolders(dataDir: string): Promise<{ name: StoreName; folder: string }[]> {
  const outside = (await readFile(join(dataDir, "postgres", "server-folder"), "utf8").catch(() => "")).trim();
  const folderOf = (name: StoreName): string => (name === "postgres" && outside !== "" ? outside : join(dataDir, name));
  return STORE_NAMES.map((name) => ({ name, folder: folderOf(name) }));
}

/** What is wrong with the variables that name stores, for each that is set. */
export async function checkGivenStores(
  env: NodeJS.ProcessEnv,
): Promise<{ variable: string; problem: string | undefined }[]> {
  const looks = STORE_NAMES.map(async (name) => {
    const variable = STORE_VARIABLES[name];
    const url = env[variable] ?? "";
    return url === "" ? [] : [{ variable, problem: await problemOf(() => givenStore(name, variable, url)) }];
  });
  const stores =
    (env.STORES ?? "") === "" ? [] : [{ variable: "STORES", problem: await problemOf(async () => wantsDocker(env)) }];
  return [...(await Promise.all(looks)).flat(), ...stores];
}

async function problemOf(look: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await look();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
