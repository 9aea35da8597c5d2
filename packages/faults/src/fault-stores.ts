import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deleteStores, type Store, startMongo, startPostgres, startRedis } from "@control-plane/local-stores";
import { Redis } from "ioredis";

/** PostgreSQL, Redis and, where it is asked for, MongoDB, of this run alone: cells kill, stop and flush them. */
export type FaultStores = {
  /** Everything of this run on the disk. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Starts MongoDB at first use; undefined where this machine has none. */
  mongoUrl(): Promise<string | undefined>;
  /** kill -9 of the server and of every process of it. */
  killPostgres(): Promise<void>;
  startPostgres(): Promise<void>;
  stopRedis(): Promise<void>;
  startRedis(options?: { empty: boolean }): Promise<void>;
  killMongo(): Promise<void>;
  /** A server that is stopped neither answers nor goes away. */
  pause(store: "redis" | "mongo"): void;
  resume(store: "redis" | "mongo"): void;
  flushRedis(): Promise<void>;
  close(): Promise<void>;
};

/** Of a process: `ps` is not everywhere. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function send(store: Store | undefined, signal: NodeJS.Signals): void {
  if (store?.processId !== undefined) process.kill(store.processId, signal);
}

export async function openFaultStores(log: (line: string) => void): Promise<FaultStores> {
  const folder = await mkdtemp(join(tmpdir(), "cp-faults-"));
  const at = (name: string) => join(folder, "stores", name);
  const running: { postgres?: Store; redis?: Store; mongo?: Store | undefined } = {};
  const portOf = (store: Store | undefined): number | undefined =>
    store === undefined ? undefined : Number(new URL(store.url).port);
  const stores: FaultStores = {
    folder,
    get databaseUrl() {
      return running.postgres?.url ?? "";
    },
    get redisUrl() {
      return running.redis?.url ?? "";
    },
    async mongoUrl() {
      running.mongo ??= await startMongo({ dataDir: at("mongo"), forTests: true, log }).catch(() => undefined);
      return running.mongo?.url;
    },
    async killPostgres() {
      const pid = running.postgres?.processId;
      if (pid === undefined) throw new Error("PostgreSQL is not a process of this machine");
      for (const one of [pid, ...childrenOf(pid)]) killIfAlive(one);
      await running.postgres?.stop();
    },
    async startPostgres() {
      const port = portOf(running.postgres);
      running.postgres = await startPostgres({ dataDir: at("postgres"), port, forTests: true, log });
    },
    async stopRedis() {
      await running.redis?.stop();
    },
    async startRedis({ empty } = { empty: false }) {
      running.redis = await startRedis({ dataDir: at("redis"), port: portOf(running.redis), fresh: empty, log });
    },
    async killMongo() {
      send(running.mongo, "SIGKILL");
      await running.mongo?.stop();
      running.mongo = undefined;
    },
    pause: (store) => send(running[store], "SIGSTOP"),
    resume: (store) => send(running[store], "SIGCONT"),
    async flushRedis() {
      const redis = new Redis(stores.redisUrl, { maxRetriesPerRequest: 1 });
      await redis.flushall();
      redis.disconnect();
    },
    async close() {
      for (const store of [running.redis, running.mongo, running.postgres]) {
        send(store, "SIGCONT");
        await store?.stop();
      }
      await deleteStores(join(folder, "stores"));
      await deleteStores(at(""));
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all([stores.startPostgres(), stores.startRedis()]);
  } catch (error) {
    await stores.close();
    throw error;
  }
  return stores;
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended with its parent.
  }
}
