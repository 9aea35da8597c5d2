import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { createDatabase, databaseUrl, dropDatabase, findDatabaseFaults, migrate, seed } from "../src/index.ts";
import { serverUrl, uniqueName } from "./own-database.ts";

const made: string[] = [];

afterEach(async () => {
  for (const name of made.splice(0)) await dropDatabase(serverUrl(), name);
});

async function emptyDatabase(): Promise<string> {
  const name = uniqueName("db_migrate");
  await query(serverUrl(), `create database ${name}`);
  made.push(name);
  return databaseUrl(serverUrl(), name);
}

async function query<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

async function withDatabase<T>(
  url: string,
  work: (client: ReturnType<typeof createDatabase>) => Promise<T>,
): Promise<T> {
  const client = createDatabase({ url, poolMax: 3, applicationName: "db-test", work: "command" });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

test("migrating again changes nothing", async () => {
  const url = await emptyDatabase();
  await migrate({ url });
  const before = await query(url, "select * from drizzle.__drizzle_migrations order by id");

  await migrate({ url });

  expect(await query(url, "select * from drizzle.__drizzle_migrations order by id")).toEqual(before);
});

test("several migrations at once apply each migration once", async () => {
  const url = await emptyDatabase();

  await Promise.all([migrate({ url }), migrate({ url }), migrate({ url })]);

  const [row] = await query<{ count: number; different: number }>(
    url,
    "select count(*)::int as count, count(distinct hash)::int as different from drizzle.__drizzle_migrations",
  );
  expect(row?.count).toBe(row?.different);
});

test("a new database belongs to cp_owner alone", async () => {
  const url = await emptyDatabase();

  await migrate({ url });

  const owners = await query<{ owner: string }>(
    url,
    `select distinct relowner::regrole::text as owner from pg_class
     where relnamespace in ('public'::regnamespace, 'internal'::regnamespace)
     union
     select distinct proowner::regrole::text from pg_proc where pronamespace = 'internal'::regnamespace`,
  );
  expect(owners).toEqual([{ owner: "cp_owner" }]);
});

test("seeding twice and at once adds the catalogue once", async () => {
  const url = await emptyDatabase();
  await migrate({ url });

  await withDatabase(url, ({ db }) => Promise.all([seed(db), seed(db)]));
  await withDatabase(url, ({ db }) => seed(db));

  const rows = await query(
    url,
    `select a.slug, v.version, v.is_latest, v.published_at is not null as published, array_agg(k.key order by k.position) as actions
     from apps a join app_versions v on v.app_id = a.id join actions k on k.app_version_id = v.id
     where a.tenant_id is null and a.status = 'PUBLISHED' group by 1, 2, 3, 4 order by 1`,
  );
  const published = { version: "1.0.0", is_latest: true, published: true };
  expect(rows).toEqual([
    { slug: "core", ...published, actions: ["echo", "log", "sleep", "fail"] },
    { slug: "github", ...published, actions: ["get_repository", "create_issue"] },
    { slug: "http", ...published, actions: ["request"] },
    { slug: "slack", ...published, actions: ["post_message"] },
  ]);
});

test("the boot check accepts a migrated database", async () => {
  const url = await emptyDatabase();
  await migrate({ url });

  expect(await withDatabase(url, ({ pool }) => findDatabaseFaults(pool))).toEqual([]);
});

test("the boot check refuses a database without migrations", async () => {
  const url = await emptyDatabase();

  expect(await withDatabase(url, ({ pool }) => findDatabaseFaults(pool))).toEqual([
    expect.stringContaining("db:migrate"),
  ]);
});

test("the boot check refuses a database that lacks one migration", async () => {
  const url = await emptyDatabase();
  await migrate({ url });
  await query(
    url,
    "delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations)",
  );

  expect(await withDatabase(url, ({ pool }) => findDatabaseFaults(pool))).toEqual([
    expect.stringContaining("1 migrations are missing"),
  ]);
});

test("the boot check refuses a database whose commits are not synchronous", async () => {
  const url = await emptyDatabase();
  await migrate({ url });
  await query(url, `alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`);

  expect(await withDatabase(url, ({ pool }) => findDatabaseFaults(pool))).toEqual([
    expect.stringContaining("synchronous_commit"),
  ]);
});
