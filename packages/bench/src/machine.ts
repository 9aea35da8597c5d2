import { execFileSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { z } from "zod";

/** What a figure means nothing without. */
export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly commit: string;
  readonly postgres: string;
  readonly durability: string;
  /** Undefined where no bar needs one. */
  readonly redis: string | undefined;
  /** Median time of an 8 KiB write with fsync, in milliseconds. */
  readonly fsyncMs: number;
  readonly generator: string;
  /** 1-minute load average at the start. */
  readonly load: number;
};

export async function describeMachine(
  { databaseUrl, redisUrl }: { databaseUrl: string; redisUrl: string | undefined },
  stateDir: string,
  generator: string,
): Promise<Machine> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ version: string; durability: string }>(
    `select current_setting('server_version') as version,
            format('fsync %s, synchronous_commit %s', current_setting('fsync'), current_setting('synchronous_commit')) as durability`,
  );
  await client.end();
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    node: process.version,
    commit: commit(),
    postgres: rows[0]?.version ?? "unknown",
    durability: rows[0]?.durability ?? "unknown",
    redis: redisUrl === undefined ? undefined : await describeRedis(redisUrl),
    fsyncMs: fsyncMedian(stateDir),
    generator,
    load: loadavg()[0] ?? 0,
  };
}

async function describeRedis(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const version = /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "unknown";
    const settings = ["appendonly", "appendfsync", "maxmemory-policy"];
    const values: string[] = [];
    for (const name of settings)
      values.push(`${name} ${z.array(z.string()).parse(await redis.config("GET", name))[1]}`);
    return `${version} (${values.join(", ")})`;
  } finally {
    redis.disconnect();
  }
}

function commit(): string {
  try {
    const hash = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
    const changed = execFileSync("git", ["status", "--porcelain", "--untracked-files=no"], { encoding: "utf8" }) !== "";
    return changed ? `${hash} with changes` : hash;
  } catch {
    return "unknown";
  }
}

const WRITES = 200;

function fsyncMedian(stateDir: string): number {
  const directory = mkdtempSync(join(stateDir, "fsync-"));
  const file = openSync(join(directory, "file"), "w");
  const block = Buffer.alloc(8_192, 1);
  const times = Array.from({ length: WRITES }, () => {
    const startedAt = performance.now();
    writeSync(file, block);
    fsyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(directory, { recursive: true });
  return times.sort((a, b) => a - b)[WRITES / 2] ?? 0;
}

/** Above half the cores the machine is busy with something else. */
export function isBusy({ load, cores }: Machine): boolean {
  return load > cores / 2;
}
