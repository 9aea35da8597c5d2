import { setTimeout as wait } from "node:timers/promises";
import { isOutage } from "@control-plane/service-kit";
import { expect, onTestFinished, test } from "vitest";
import { createDatabase, createPipeline } from "../src/index.ts";
import { hangingWire } from "./hanging-wire.ts";
import { useOwnDatabase } from "./own-database.ts";

const own = useOwnDatabase();

function open({ url = own.url, waitMsMax = 1_000 } = {}) {
  const client = createDatabase({ url, poolMax: 3, applicationName: "line", work: "intake", waitMsMax });
  onTestFinished(() => client.close());
  const pipeline = createPipeline(client);
  const ask = async (text: string): Promise<Record<string, unknown> | undefined> =>
    (await pipeline.query({ text })).rows[0];
  const outcome = (text: string): Promise<unknown> => ask(text).catch((error: unknown) => error);
  return { ...client, ask, outcome };
}

/** Locks what `waiting` asks for, until it is let go. */
async function holdLock() {
  const holder = await own.pool.connect();
  await holder.query("select pg_advisory_lock(7)");
  const letGo = async (): Promise<void> => {
    await holder.query("select pg_advisory_unlock_all()");
    holder.release();
  };
  return { waiting: "select pg_advisory_lock(7), pg_backend_pid() as pid", letGo };
}

test("statements follow each other on one connection, each with its own answer", async () => {
  const { ask, pool } = open();

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => ask(`select ${n} as n, pg_backend_pid() as pid`)),
  );

  expect(answers.map((answer) => answer?.n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(new Set(answers.map((answer) => answer?.pid)).size).toBe(1);
  expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
});

test("one that fails takes none of the others with it", async () => {
  const { ask, outcome } = open();
  await ask("create temporary table kept (n int)");

  const outcomes = await Promise.all([
    outcome("insert into kept values (1)"),
    outcome("insert into kept values (1 / 0)"),
    outcome("insert into kept values (3)"),
  ]);

  expect(outcomes).toEqual([undefined, expect.objectContaining({ code: "22012" }), undefined]);
  expect(await ask("select sum(n)::int as sum from kept")).toEqual({ sum: 4 });
});

test("what was sent behind a statement that waits for a lock waits with it, what comes later does not", async () => {
  const { ask } = open({ waitMsMax: 20_000 });
  const lock = await holdLock();
  const done: string[] = [];
  const note = (name: string) => (answer: Record<string, unknown> | undefined) => {
    done.push(name);
    return answer?.pid;
  };

  const held = ask(lock.waiting).then(note("held"));
  const behind = ask("select pg_backend_pid() as pid").then(note("behind"));
  await wait(60);
  const later = ask("select pg_backend_pid() as pid").then(note("later"));
  const laterPid = await later;
  await lock.letGo();

  expect(await held).toBe(await behind);
  expect(laterPid).not.toBe(await held);
  expect(done).toEqual(["later", "held", "behind"]);
});

test("a lock that is not given up is an outage of that statement alone", async () => {
  const { outcome } = open();
  const lock = await holdLock();
  onTestFinished(lock.letGo);

  const [held, behind] = await Promise.all([outcome(lock.waiting), outcome("select 1 as one")]);

  expect(isOutage(held)).toBe(true);
  expect(behind).toEqual({ one: 1 });
});

test("named statements that cannot be prepared for a lock are outages, all of them, and are prepared later", async () => {
  const { pool, limits } = open();
  const pipeline = createPipeline({ pool, limits });
  const named = () => pipeline.query({ name: "count", text: "select count(*)::int as count from tenants" });
  const holder = await own.pool.connect();
  onTestFinished(() => holder.release());
  await holder.query("begin; lock table tenants in access exclusive mode");

  const held = await Promise.allSettled([named(), named(), named()]);
  await holder.query("rollback");
  const later = await Promise.all([named(), named(), named()]);

  expect(held.map((outcome) => outcome.status === "rejected" && isOutage(outcome.reason))).toEqual([true, true, true]);
  expect(later.map(({ rows }) => rows)).toEqual(Array(3).fill([{ count: 0 }]));
});

test("a connection that is lost fails what is under way, and the next statement has a new one", async () => {
  const { ask, outcome, pool } = open();
  const pid = (await ask("select pg_backend_pid() as pid"))?.pid;

  const underWay = Promise.all([outcome("select pg_sleep(5)"), outcome("select 1 as one")]);
  await expect
    .poll(async () => (await own.pool.query("select state from pg_stat_activity where pid = $1", [pid])).rows)
    .toEqual([{ state: "active" }]);
  await own.pool.query("select pg_terminate_backend($1)", [pid]);

  expect((await underWay).map((error) => error instanceof Error)).toEqual([true, true]);
  expect((await ask("select pg_backend_pid() as pid"))?.pid).not.toBe(pid);
  expect(pool.totalCount).toBe(1);
});

test("a connection that was ended under its only statement is not used again", async () => {
  const { ask, outcome } = open();

  const tries = [];
  for (let n = 0; n < 5; n += 1) {
    const ended = await outcome("select pg_terminate_backend(pg_backend_pid())");
    tries.push([ended instanceof Error, await ask("select 1 as one")]);
  }

  expect(tries).toEqual(Array(5).fill([true, { one: 1 }]));
});

test("a connection whose settings went wrong is given up with the first refusal", async () => {
  const { ask, outcome } = open();
  const write = "insert into kept_rows values (1)";
  await own.pool.query("create table kept_rows (n int)");
  const setReadOnly = (value: string) =>
    own.pool.query(`do $$ begin execute format('alter database %I ${value}', current_database()); end $$`);
  await setReadOnly("set default_transaction_read_only = on");
  await ask("select 1");
  await setReadOnly("reset default_transaction_read_only");

  expect(await outcome(write)).toMatchObject({ code: "25006" });
  expect(await outcome(write)).toBeUndefined();
});

test("a pool that waits for each answer is none for a pipeline", async () => {
  const client = createDatabase({ url: own.url, poolMax: 1, applicationName: "line", work: "request" });
  onTestFinished(() => client.close());

  expect(() => createPipeline(client)).toThrow("one statement at a time");
});

test("a server that falls silent is an outage of everything under way", async () => {
  const wire = await hangingWire(new URL(own.url));
  const { ask, outcome } = open({ url: wire.url });
  await ask("select 1");

  wire.set(true);
  const outcomes = await Promise.all([outcome("select 1"), outcome("select 2"), outcome("select 3")]);
  wire.set(false);

  expect(outcomes.map((error) => isOutage(error))).toEqual([true, true, true]);
  await expect.poll(() => outcome("select 1 as one")).toEqual({ one: 1 });
});

test("a pipeline that moves is not silent, however long it is", async () => {
  const { ask } = open();

  const answers = await Promise.all(Array.from({ length: 6 }, () => ask("select 1 as one, pg_sleep(0.2)")));

  expect(answers.map((answer) => answer?.one)).toEqual([1, 1, 1, 1, 1, 1]);
});
