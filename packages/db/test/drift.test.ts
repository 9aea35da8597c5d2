import { createRequire } from "node:module";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { databaseUrl, dropDatabase } from "../src/index.ts";
import * as enums from "../src/schema/enums.ts";
import { tables } from "../src/schema/schema.ts";
import { serverUrl, uniqueName, useOwnDatabase } from "./own-database.ts";

// Two databases, one built from the drizzle schema alone, one migrated, must describe themselves alike.

const migrated = useOwnDatabase();
const drawn = uniqueName("db_drawn");

type Api = {
  generateDrizzleJson(imports: Record<string, unknown>): unknown;
  generateMigration(from: unknown, to: unknown): Promise<string[]>;
};

beforeAll(async () => {
  const api: Api = createRequire(import.meta.url)("drizzle-kit/api");
  const statements = await api.generateMigration(
    api.generateDrizzleJson({}),
    api.generateDrizzleJson({ ...enums, ...tables }),
  );
  await run(serverUrl(), [`create database ${drawn}`]);
  await run(databaseUrl(serverUrl(), drawn), statements);
});

afterAll(() => dropDatabase(serverUrl(), drawn));

async function run(url: string, statements: readonly string[]): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** What only SQL can say; the reason stands in the migration. */
const SAID_IN_SQL = new Set(["data_keys_active_key"]);

async function describe(url: string, text: string): Promise<string[]> {
  const rows = await run(url, [text]);
  return rows
    .filter((row) => !SAID_IN_SQL.has(String(row.name)))
    .map((row) => `${row.relation} ${row.name} ${String(row.definition).replace(/SET NULL \(\w+\)/, "SET NULL")}`);
}

const SCHEMAS = "in ('public'::regnamespace, 'internal'::regnamespace)";

test.each([
  [
    "columns",
    `select c.oid::regclass::text as relation, a.attname as name,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)) as definition
     from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relnamespace ${SCHEMAS} and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped order by 1, 2`,
  ],
  [
    "constraints",
    `select conrelid::regclass::text as relation, conname as name, pg_get_constraintdef(oid) as definition
     from pg_constraint where connamespace ${SCHEMAS} and contype in ('p', 'u', 'f', 'c') order by 1, 2`,
  ],
  [
    "indexes",
    `select i.indrelid::regclass::text as relation, c.relname as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace ${SCHEMAS} order by 1, 2`,
  ],
  [
    "enums",
    `select t.typname as relation, 'values' as name, string_agg(e.enumlabel, ',' order by e.enumsortorder) as definition
     from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace ${SCHEMAS} group by 1 order by 1`,
  ],
])("the drizzle schema and the migrated database have the same %s", async (_what, text) => {
  const inDatabase = await describe(migrated.url, text);

  expect(inDatabase.length).toBeGreaterThan(10);
  expect(await describe(databaseUrl(serverUrl(), drawn), text)).toEqual(inDatabase);
});

test("every index and constraint has a comment that names its query or rule", async () => {
  const { rows } = await migrated.pool.query(
    `select conname as name from pg_constraint
     where connamespace ${SCHEMAS} and contype in ('p', 'u', 'f', 'c') and coalesce(obj_description(oid, 'pg_constraint'), '') = ''
     union all
     select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace ${SCHEMAS} and not exists (select 1 from pg_constraint k where k.conindid = c.oid)
       and coalesce(obj_description(c.oid, 'pg_class'), '') = ''`,
  );

  expect(rows).toEqual([]);
});

test("every function of ours is a definer's with a fixed search path", async () => {
  const { rows } = await migrated.pool.query(
    `select proname from pg_proc where pronamespace = 'internal'::regnamespace
     and (not prosecdef or not coalesce(proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}')`,
  );

  expect(rows).toEqual([]);
});
