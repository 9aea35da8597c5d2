import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deleteStores, type Store, startRedis, startStores } from "../src/index.ts";
import { isAlive } from "../src/predecessor.ts";
import { kinds, withRedis } from "./kinds.ts";
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
