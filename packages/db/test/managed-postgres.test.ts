import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deleteStores, type Store, startPostgres } from "@control-plane/local-stores";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, databaseUrl, findDatabaseFaults, LOGIN_ROLES, migrate, roleUrl, seed } from "../src/index.ts";

// A managed PostgreSQL gives its customer no superuser. The roles belong to a whole server, so this takes one of its own.

let server: Store;
let dataDir: string;
/** As the account that deploys: it may make roles and databases, and owns the database. */
let deployUrl: string;
const passwords = Object.fromEntries(LOGIN_ROLES.map((role) => [role, `password of ${role}`]));

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "db-managed-"));
  server = await startPostgres({ dataDir, forTests: true, log: () => {} });
  await run(server.url, "create role deployer login createrole createdb");
  const asDeployer = new URL(server.url);
  asDeployer.username = "deployer";
  await run(asDeployer.href, "create database control_plane");
  deployUrl = databaseUrl(asDeployer.href, "control_plane");
});
afterAll(async () => {
  await server?.stop();
  await deleteStores(dataDir);
  await rm(dataDir, { recursive: true, force: true });
});

async function run<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

async function deploy(): Promise<void> {
  await migrate({ url: deployUrl, passwords });
  const { db, close } = createDatabase({ url: deployUrl, poolMax: 1, applicationName: "db-test", work: "command" });
  await seed(db).finally(close);
}

/** Who may do what, wherever grants are kept. */
async function grants(): Promise<unknown[]> {
  return run(
    databaseUrl(server.url, "control_plane"),
    `select 'database' as what, datacl::text as acl from pg_database where datname = current_database()
     union all select 'schema ' || nspname, nspacl::text from pg_namespace where nspname !~ '^pg_'
     union all select 'relation ' || oid::regclass, relacl::text from pg_class where relnamespace::regnamespace::text in ('public', 'internal')
     union all select 'member', roleid::regrole || ' ' || member::regrole || ' ' || inherit_option || set_option from pg_auth_members
     order by 1, 2`,
  );
}

test("an account with CREATEROLE and CREATEDB alone deploys, and deploys again without changing a grant", async () => {
  const [account] = await run(server.url, "select rolsuper from pg_roles where rolname = 'deployer'");
  await deploy();
  const first = await grants();

  await deploy();

  expect(account).toEqual({ rolsuper: false });
  expect(await grants()).toEqual(first);
});

test("Hasura's statements end after 10 s, or after what the operator says", async () => {
  const asHasura = roleUrl(deployUrl, "cp_hasura", passwords.cp_hasura);
  await deploy();
  const ours = await run(asHasura, "show statement_timeout");
  await run(server.url, "alter role cp_hasura set statement_timeout = '3s'");

  await deploy();

  expect(ours).toEqual([{ statement_timeout: "10s" }]);
  expect(await run(asHasura, "show statement_timeout")).toEqual([{ statement_timeout: "3s" }]);
});

// Hasura runs as cp_hasura, and looks at tables of ours alone.
test.each(LOGIN_ROLES.filter((role) => role !== "cp_hasura"))(
  "%s signs in to what was deployed and finds it complete",
  async (role) => {
    const url = roleUrl(deployUrl, role, passwords[role]);
    const { pool, close } = createDatabase({ url, poolMax: 1, applicationName: "db-test", work: "command" });

    expect(await findDatabaseFaults(pool).finally(close)).toEqual([]);
  },
);

test("cp_hasura signs in, reads the catalogue, and may make its own tables", async () => {
  const url = roleUrl(deployUrl, "cp_hasura", passwords.cp_hasura);

  expect(await run(url, "select slug from apps where slug = 'core'")).toEqual([{ slug: "core" }]);
  await run(url, "create table hdb_catalog.own (id int); drop table hdb_catalog.own");
});
