import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deleteStores, type Store, startPostgres } from "../src/index.ts";
import { query } from "./kinds.ts";

let dataDir: string;
let running: Store[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "local-stores-postgres-"));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((store) => store.stop()));
  await deleteStores(dataDir);
});

const log = () => {};

async function keep(start: Promise<Store>): Promise<Store> {
  const store = await start;
  running.push(store);
  return store;
}

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
