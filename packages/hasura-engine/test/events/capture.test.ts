import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import type { Engine } from "../../src/engine.ts";
import type { Metadata } from "../../src/metadata/metadata.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { metadataOf, startEngine, watched } from "./world.ts";

/** Nobody listens there: captured events stay in the log. */
const NOWHERE = "http://127.0.0.1:9";

let database: TestDatabase;
const databases: TestDatabase[] = [];
const open: Engine[] = [];

beforeEach(async () => {
  database = await createTestDatabase(`
    create extension hstore;
    create table notes (id int primary key, text text, facts json, place point, tags hstore, amount numeric);
    create table parts (id int, day date) partition by range (day);
    create table parts_2026 partition of parts for values from ('2026-01-01') to ('2027-01-01');
  `);
  databases.push(database);
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});
afterAll(async () => {
  for (const each of databases) await each.drop();
});

async function start(metadata: Metadata, env: Readonly<Record<string, string>> = {}): Promise<Engine> {
  const engine = await startEngine(database.url, metadata, env);
  open.push(engine);
  return engine;
}

async function captured(): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    "select table_name as table, trigger_name as trigger, payload->>'op' as op, payload->'data' as data from embedded_hdb.event_log order by created_at",
  );
  return rows;
}

async function functions(): Promise<number> {
  const { rows } = await database.pool.query(
    "select count(*)::int as count from pg_proc where pronamespace = 'embedded_hdb'::regnamespace",
  );
  return rows[0].count;
}

const onUpdate = (columns: readonly string[]): object => ({ update: { columns, payload: ["id"] } });

test.each([
  ["text", "text = 'b'"],
  ["facts", `facts = '{"a":2}'`],
  ["place", "place = '(2,2)'"],
  ["tags", "tags = 'a=>2'"],
  ["amount", "amount = null"],
])("an update of %s fires, writing the same value does not", async (column, change) => {
  await start(metadataOf([watched("notes", NOWHERE, { definition: onUpdate([column]) })]));
  await database.pool.query(`insert into notes values (1, 'a', '{"a":1}', '(1,1)', 'a=>1', 1)`);

  await database.pool.query(`update notes set ${column} = ${column}, id = 2`);
  await database.pool.query(`update notes set ${change}`);

  expect(await captured()).toEqual([
    { table: "notes", trigger: "watch", op: "UPDATE", data: { old: { id: 2 }, new: { id: 2 } } },
  ]);
});

test("an event carries session and trace of whoever wrote", async () => {
  await start(metadataOf([watched("notes", NOWHERE)]));

  await database.pool.query(`begin; set local "hasura.user" = '{"x-hasura-role":"builder"}';
    set local "hasura.tracecontext" = '{"trace_id":"t","span_id":"s"}'; insert into notes values (1); commit`);
  await database.pool.query("insert into notes values (2)");

  const { rows } = await database.pool.query(
    "select payload->'session_variables' as session, payload->'trace_context' as trace from embedded_hdb.event_log order by created_at",
  );
  expect(rows).toEqual([
    { session: { "x-hasura-role": "builder" }, trace: { trace_id: "t", span_id: "s" } },
    { session: null, trace: null },
  ]);
});

test("a writer without any right on the engine's schema is captured", async () => {
  await start(metadataOf([watched("notes", NOWHERE, { definition: { insert: { columns: "*", payload: ["id"] } } })]));
  const role = `hasura_engine_writer_${process.pid}`;
  await database.pool.query(`create role ${role}; grant insert on notes to ${role}`);

  await database.pool.query(`begin; set local role ${role}; insert into notes values (1); commit`);

  expect(await captured()).toEqual([
    { table: "notes", trigger: "watch", op: "INSERT", data: { old: null, new: { id: 1 } } },
  ]);
  await database.pool.query(`drop owned by ${role}; drop role ${role}`);
});

test("an undone write leaves no event", async () => {
  await start(metadataOf([watched("notes", NOWHERE)]));

  await database.pool.query("begin; insert into notes values (1); rollback");

  expect(await captured()).toEqual([]);
});

test("a partition reports its parent, once", async () => {
  await start(metadataOf([watched("parts", NOWHERE)]));

  await database.pool.query("insert into parts_2026 values (1, '2026-05-01')");

  expect(await captured()).toEqual([
    { table: "parts", trigger: "watch", op: "INSERT", data: { old: null, new: { id: 1, day: "2026-05-01" } } },
  ]);
});

test("numbers come as strings where the setting says so", async () => {
  const metadata = metadataOf([
    watched("notes", NOWHERE, { definition: { insert: { columns: "*", payload: ["amount"] } } }),
  ]);
  await start(metadata, { HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES: "true" });

  await database.pool.query("insert into notes (id, amount) values (1, 12345678901234567890.10)");

  expect(await captured()).toEqual([
    {
      table: "notes",
      trigger: "watch",
      op: "INSERT",
      data: { old: null, new: { amount: "12345678901234567890.10" } },
    },
  ]);
});

test("a second start makes nothing anew", async () => {
  const metadata = metadataOf([watched("notes", NOWHERE)]);
  const first = await start(metadata);
  const names = async () =>
    (await database.pool.query("select oid from pg_proc where pronamespace = 'embedded_hdb'::regnamespace order by 1"))
      .rows;
  const before = await names();
  open.splice(0);
  await first.close();

  await start(metadata);

  expect(await names()).toEqual(before);
});

test("two engines that start at the same time install each trigger once", async () => {
  const metadata = metadataOf([watched("notes", NOWHERE), watched("parts", NOWHERE, { name: "other" })]);

  await Promise.all([start(metadata), start(metadata)]);

  expect(await functions()).toBe(6);
});

test("triggers that metadata no longer has are dropped at the next start, the last ones too", async () => {
  const first = await start(metadataOf([watched("notes", NOWHERE)]));
  open.splice(0);
  await first.close();

  await start(metadataOf([{ table: "notes" }]));
  await database.pool.query("insert into notes values (1)");

  expect(await functions()).toBe(0);
  expect(await captured()).toEqual([]);
});

test("a table that was dropped and made again is captured after a reload", async () => {
  const metadata = metadataOf([watched("notes", NOWHERE)]);
  const engine = await start(metadata);
  await database.pool.query(
    "drop table notes; create table notes (id int primary key, text text, facts json, place point, tags hstore, amount numeric)",
  );

  await engine.reload(metadata);
  await database.pool.query("insert into notes (id) values (1)");

  expect(await captured()).toHaveLength(1);
});

test("metadata without triggers leaves a fresh database alone", async () => {
  await start(metadataOf([{ table: "notes" }]));

  const { rows } = await database.pool.query("select 1 from pg_namespace where nspname = 'embedded_hdb'");

  expect(rows).toEqual([]);
});
