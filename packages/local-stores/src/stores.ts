import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startInDocker } from "./docker.ts";
import { givenStore } from "./given-store.ts";
import { startMongo } from "./mongo.ts";
import { startPostgres } from "./postgres.ts";
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

async function startOne(name: StoreName, env: NodeJS.ProcessEnv, options: StoreOptions): Promise<Store> {
  const variable = STORE_VARIABLES[name];
  const url = env[variable];
  if (url !== undefined && url !== "") return givenStore(name, variable, url);
  return env.STORES === "docker" ? startInDocker(name, options) : STARTERS[name](options);
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
  log: (line: string) => void;
}): Promise<Stores> {
  const env = options.env ?? process.env;
  const portsFile = join(options.dataDir, "ports.json");
  await mkdir(options.dataDir, { recursive: true });
  const ports = await rememberedPorts(portsFile);
  const names = STORE_NAMES.filter((name) => options.only?.includes(name) ?? true);
  const attempts = await Promise.allSettled(
    names.map((name) =>
      startOne(name, env, {
        dataDir: join(options.dataDir, name),
        port: ports[name],
        fresh: options.fresh,
        log: options.log,
      }),
    ),
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
  if (failures.length > 0) {
    await stores.stop();
    const messages = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
    throw new AggregateError(failures, messages.join("\n"));
  }
  await rememberPorts(portsFile, stores);
  return stores;
}

async function rememberPorts(file: string, stores: Stores): Promise<void> {
  const started = Object.entries(stores.running).filter(([, store]) => store.processId !== undefined);
  const ports = Object.fromEntries(started.map(([name, store]) => [name, Number(new URL(store.url).port)]));
  if (started.length > 0) await writeFile(file, `${JSON.stringify({ ...(await rememberedPorts(file)), ...ports })}\n`);
}

async function stopAll(stores: readonly Store[]): Promise<void> {
  await Promise.allSettled(stores.map((store) => store.stop()));
}

/** Deletes what {@link startStores} keeps for this folder, wherever that is. The stores must have ended. */
export async function deleteStores(dataDir: string): Promise<void> {
  const outside = (await readFile(join(dataDir, "postgres", "server-folder"), "utf8").catch(() => "")).trim();
  if (outside !== "") await rm(outside, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}
