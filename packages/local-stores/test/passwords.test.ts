import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deleteStores, type Store, storeFolders } from "../src/index.ts";
import { commandOf } from "../src/predecessor.ts";
import { kinds, query } from "./kinds.ts";

let dataDir: string;
let running: Store[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "local-stores-passwords-"));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((store) => store.stop()));
  await deleteStores(dataDir);
});

async function keep(start: Promise<Store>): Promise<Store> {
  const store = await start;
  running.push(store);
  return store;
}

const log = () => {};

/** As somebody who knows the address alone. */
function withoutPassword(url: string): string {
  const target = new URL(url);
  target.password = "";
  if (target.protocol === "mongodb:") target.username = "";
  return target.href;
}

const REFUSALS = { postgres: /password/, redis: /NOAUTH/, mongo: /requires authentication/ } as const;

describe.each(kinds)("$name", ({ name, start, write, read }) => {
  test("gets a password where an earlier start left none, in a file for its owner's eyes alone, and keeps what it holds", async () => {
    const before = await keep(start({ dataDir: join(dataDir, name), forTests: true, log }));
    await write(before.url);
    await before.stop();
    await rm(join(dataDir, name, "password"), { force: true });

    const after = await keep(start({ dataDir: join(dataDir, name), log }));
    const { password } = new URL(after.url);

    expect(await read(after.url)).toBe(true);
    await expect(read(withoutPassword(after.url))).rejects.toThrow(REFUSALS[name]);
    expect(await readFile(join(dataDir, name, "password"), "utf8")).toBe(`${password}\n`);
    expect((await stat(join(dataDir, name, "password"))).mode & 0o777).toBe(0o600);
    const folder = (await storeFolders(dataDir)).find((found) => found.name === name)?.folder ?? "";
    expect(await readFile(join(folder, "server.log"), "utf8")).not.toContain(password);
    expect(await commandOf(after.processId ?? 0)).not.toContain(password);
  });
});

test("a PostgreSQL of tests asks for the password of its superuser alone", async () => {
  const [postgres] = kinds;
  const { url } = await keep(postgres.start({ dataDir: join(dataDir, "postgres"), forTests: true, log }));
  await query(url, "create role tester login");
  const asTester = new URL(withoutPassword(url));
  asTester.username = "tester";

  const stranger = query(withoutPassword(url), "select 1");

  await expect(stranger).rejects.toThrow(REFUSALS.postgres);
  expect(await query(asTester.href, "select current_user::text")).toEqual([["tester"]]);
});
