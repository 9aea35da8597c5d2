import { isOutage } from "@control-plane/service-kit";
import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { createDatabase, inTransaction, roleUrl } from "../src/index.ts";
import { hangingWire } from "./hanging-wire.ts";
import { useOwnDatabase } from "./own-database.ts";

const WAIT_MS_MAX = 1_000;
const own = useOwnDatabase();

function open(options: { url?: string; poolMax?: number } = {}) {
  const client = createDatabase({
    url: options.url ?? own.url,
    poolMax: options.poolMax ?? 2,
    applicationName: "limits",
    work: "request",
    waitMsMax: WAIT_MS_MAX,
  });
  onTestFinished(() => client.close());
  return client;
}

test("a lock that is not given up is an outage, and the connection is good for the next statement", async () => {
  const { db } = open();
  const holder = await own.pool.connect();
  onTestFinished(() => holder.release());
  await holder.query("begin; lock table tenants in access exclusive mode");

  const waited = inTransaction(db, { source: "cli" }, (tx) => tx.execute(sql`select from tenants`));
  const error = await waited.catch((thrown: unknown) => thrown);
  await holder.query("rollback");

  expect(isOutage(error)).toBe(true);
  expect((await db.execute(sql`select 1 as one`)).rows).toEqual([{ one: 1 }]);
});

test("a statement that takes too long is an outage", async () => {
  const { db } = open();

  const error = await db.execute(sql`select pg_sleep(60)`).catch((thrown: unknown) => thrown);

  expect(isOutage(error)).toBe(true);
});

test("nobody waits for a connection without end", async () => {
  const { db, pool } = open({ poolMax: 1 });
  const only = await pool.connect();

  const error = await db.execute(sql`select 1`).catch((thrown: unknown) => thrown);
  only.release();

  expect(isOutage(error)).toBe(true);
  expect((await db.execute(sql`select 1 as one`)).rows).toEqual([{ one: 1 }]);
});

test("a server that falls silent is an outage, also at the start of a transaction, and no connection is lost to it", async () => {
  const wire = await hangingWire(new URL(own.url));
  const { db, pool } = open({ url: wire.url });
  const ask = () => inTransaction(db, { source: "cli" }, (tx) => tx.execute(sql`select 1 as one`));
  await ask();

  wire.set(true);
  const errors = await Promise.all(Array.from({ length: 4 }, () => ask().catch((thrown: unknown) => thrown)));
  wire.set(false);

  expect(errors.map((error) => isOutage(error))).toEqual([true, true, true, true]);
  await expect.poll(async () => (await ask().catch(() => undefined))?.rows).toEqual([{ one: 1 }]);
  expect(pool.totalCount).toBeLessThanOrEqual(2);
});

test("an idle connection is not taken for a silent one", async () => {
  const { db } = open({ poolMax: 1 });
  const pid = async () => (await db.execute(sql`select pg_backend_pid() as pid`)).rows[0]?.pid;
  const before = await pid();
  const idleSince = performance.now();
  await expect.poll(() => performance.now() - idleSince).toBeGreaterThan(WAIT_MS_MAX);

  expect(await pid()).toBe(before);
});

test("a transaction that PostgreSQL undoes for a conflict is done again, three times at most", async () => {
  const { db } = open();
  let tries = 0;
  const conflict = (until: number) =>
    inTransaction(db, { source: "cli" }, async (tx) => {
      tries += 1;
      if (tries < until) await tx.execute(sql`do $$ begin raise exception 'again' using errcode = '40001'; end $$`);
      return tries;
    });

  const done = await conflict(3);
  tries = 0;
  const error = await conflict(9).catch((thrown: unknown) => thrown);

  expect(done).toBe(3);
  expect(tries).toBe(3);
  expect(isOutage(error)).toBe(true);
});

test("each service's login role takes the limits", async () => {
  const { pool } = open({ url: roleUrl(own.url, "cp_logs") });

  const { rows } = await pool.query(
    "select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement",
  );

  expect(rows).toEqual([{ lock: "400ms", statement: "500ms" }]);
});
