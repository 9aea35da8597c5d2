import { Redis } from "ioredis";
import type { HookDatabases } from "../data/hook-databases.ts";
import type { Generator } from "../generators/job.ts";
import type { Pace } from "../run-bar.ts";
import type { StackOptions } from "./run-stack.ts";

export type RunBarOptions = {
  databases: HookDatabases;
  redisUrl: string;
  generator: Generator;
  rounds: number;
  pace: Pace;
  freePort: () => Promise<number>;
  log: (line: string) => void;
};

/** A fresh database and an empty Redis. */
export async function onFreshStores<T>(
  { databases, redisUrl, freePort }: RunBarOptions,
  work: (stores: StackOptions) => Promise<T>,
  kind: "full" | "empty" = "full",
): Promise<T> {
  const redis = new Redis(redisUrl);
  await redis.flushdb().finally(() => redis.disconnect());
  const database = await databases.create(kind);
  try {
    return await work({ databaseUrl: database.url, redisUrl, freePort });
  } finally {
    await database.drop();
  }
}
