import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deleteStores, type Store, startPostgres, startRedis, startStores } from "../src/index.ts";
import { isAlive } from "../src/predecessor.ts";
import { kinds, query, withRedis } from "./kinds.ts";
import { listening } from "./listening.ts";

let dataDir: string;
let running: Store[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "local-stores-test-"));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((store) => store.stop()));
  for (const clone of ["one", "two", "."]) await deleteStores(join(dataDir, clone));
  await rm(dataDir, { recursive: true, force: true });
});

const log = () => {};

async function keep(start: Promise<Store>): Promise<Store> {
  const store = await start;
  running.push(store);
  return store;
}

describe.each(kinds)("$name", ({ name, start, write, read }) => {
  test("keeps its data and its port over kill -9 and a restart", async () => {
    const first = await keep(start({ dataDir: join(dataDir, name), log }));
    await write(first.url);

    process.kill(first.processId ?? 0, "SIGKILL");
    const second = await keep(start({ dataDir: join(dataDir, name), port: Number(new URL(first.url).port), log }));

    expect(second.url).toBe(first.url);
    expect(await read(second.url)).toBe(true);
  });

  test("finds nothing of a folder that was deleted by hand", async () => {
    const folder = join(dataDir, name);
    const first = await keep(start({ dataDir: folder, forTests: true, log }));
    await write(first.url);
    await first.stop();
    await rm(folder, { recursive: true });

    const second = await keep(start({ dataDir: folder, forTests: true, log }));

    expect(await read(second.url)).toBe(false);
  });

  test("leaves no process behind after a stop", async () => {
    const store = await keep(start({ dataDir: join(dataDir, name), forTests: true, log }));

    await store.stop();

    expect(isAlive(store.processId ?? 0)).toBe(false);
  });

  test("forgets everything with fresh", async () => {
    const first = await keep(start({ dataDir: join(dataDir, name), forTests: true, log }));
    await write(first.url);
    await first.stop();

    const second = await keep(start({ dataDir: join(dataDir, name), forTests: true, fresh: true, log }));

    expect(await read(second.url)).toBe(false);
  });
});

test("postgres is durable, listens on 127.0.0.1 only and allows many connections", async () => {
  const { url } = await keep(startPostgres({ dataDir: join(dataDir, "postgres"), log }));

  const rows = await query(
    url,
    "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'listen_addresses', 'max_connections', 'TimeZone') order by name collate \"C\"",
  );

  expect(rows).toEqual([
    ["TimeZone", "UTC"],
    ["fsync", "on"],
    ["listen_addresses", "127.0.0.1"],
    ["max_connections", "400"],
    ["synchronous_commit", "on"],
  ]);
});

test("redis evicts nothing and writes an append-only file", async () => {
  const { url } = await keep(startRedis({ dataDir: join(dataDir, "redis"), log }));

  const settings = await withRedis(url, async (redis) => [
    await redis.config("GET", "maxmemory-policy"),
    await redis.config("GET", "appendonly"),
  ]);

  expect(settings).toEqual([
    ["maxmemory-policy", "noeviction"],
    ["appendonly", "yes"],
  ]);
});

test("a postmaster.pid with the number of some other process does not block the start", async () => {
  const first = await keep(startPostgres({ dataDir: join(dataDir, "postgres"), log }));
  const directory = String((await query(first.url, "show data_directory")).flat()[0]);
  await first.stop();
  await writeFile(join(directory, "postmaster.pid"), `${process.pid}\n${directory}\n`);

  const second = await keep(startPostgres({ dataDir: join(dataDir, "postgres"), log }));

  expect(await query(second.url, "select 1")).toEqual([[1]]);
});

test("an initdb that was cut off is done again", async () => {
  const first = await keep(startPostgres({ dataDir: join(dataDir, "postgres"), log }));
  const directory = String((await query(first.url, "show data_directory")).flat()[0]);
  await first.stop();
  await rm(`${directory}.complete`);
  await rm(join(directory, "PG_VERSION"));

  const second = await keep(startPostgres({ dataDir: join(dataDir, "postgres"), log }));

  expect(await query(second.url, "select 1")).toEqual([[1]]);
});

test("two clones start their stores side by side and do not see each other's data", async () => {
  const env = { PATH: process.env.PATH, PYTHON: process.env.PYTHON };

  const [one, two] = await Promise.all(
    ["one", "two"].map((clone) => startStores({ dataDir: join(dataDir, clone), forTests: true, env, log })),
  );
  running.push(...Object.values(one?.running ?? {}), ...Object.values(two?.running ?? {}));
  for (const { name, write } of kinds) await write(urlOf(one, name));
  const seen = await Promise.all(kinds.map(({ name, read }) => read(urlOf(two, name))));

  expect(seen).toEqual([false, false, false]);
  expect(Object.keys(one?.env ?? {}).sort()).toEqual(["DATABASE_URL", "MONGODB_URL", "REDIS_URL"]);
});

function urlOf(stores: Awaited<ReturnType<typeof startStores>> | undefined, name: string): string {
  return Object.entries(stores?.running ?? {}).find(([store]) => store === name)?.[1].url ?? "";
}

test("a store that a variable names is used as it is", async () => {
  const { server, env } = await listening();
  await mkdir(dataDir, { recursive: true });

  const stores = await startStores({ dataDir, env, log });

  expect(stores.env).toEqual(env);
  expect(stores.running.postgres?.source).toBe("DATABASE_URL");
  server.close();
});
