import { expect, test } from "vitest";
import { LOGIN_ROLES, type LoginRole } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addApp, addTenant } from "./rows.ts";

const own = useOwnDatabase();

const PUBLIC_TABLES = [
  "actions",
  "app_versions",
  "apps",
  "audit_events",
  "connections",
  "dead_letters",
  "invitations",
  "memberships",
  "step_runs",
  "tenants",
  "triggers",
  "users",
  "webhook_deliveries",
  "workflow_runs",
  "workflow_versions",
  "workflows",
];

// Every right there is, table by table: S select, I insert, U update, D delete, T trigger; columns in brackets.
const EXPECTED: Record<LoginRole, Record<string, string>> = {
  cp_hasura: {
    ...Object.fromEntries(PUBLIC_TABLES.map((table) => [table, "S"])),
    tenants: "S U(log_retention_days,name) T",
    users: "S U(name)",
    invitations: "S T",
    apps: "S I D U(description,name)",
    app_versions: "S I D U(allowed_hosts,auth_config,auth_type,base_url,changelog,test_request,version)",
    actions: "S I D U(description,input_schema,key,name,output_schema,position,request,timeout_seconds)",
    connections: "S U(name)",
    workflows: "S I D U(archived_at,description,name)",
    workflow_versions: "S I D U(definition)",
    triggers: "S D U(enabled,name)",
  },
  cp_auth: {
    tenants: "S I U",
    users: "S I U",
    memberships: "S I U",
    invitations: "S I U",
    apps: "S I U D",
    app_versions: "S I U D",
    actions: "S I U D",
    connections: "S I U D",
    workflows: "S I U D",
    workflow_versions: "S I U D",
    workflow_runs: "S",
    triggers: "S U(webhook_secret_cipher,webhook_secret_previous_cipher)",
    webhook_deliveries: "S U(body_cipher)",
    dead_letters: "I",
    "internal.sessions": "S I U D",
    "internal.refresh_tokens": "S I U D",
    "internal.password_resets": "S I U D",
    "internal.access_keys": "S I U D",
    "internal.signing_keys": "S I U D",
    "internal.data_keys": "S I U D",
    "internal.emails": "S I U D",
    "drizzle.__drizzle_migrations": "S",
  },
  cp_gateway: {
    triggers: "S I U",
    workflows: "S",
    workflow_versions: "S",
    workflow_runs: "S I",
    webhook_deliveries: "S I U",
    memberships: "S",
    "internal.data_keys": "S I",
    "drizzle.__drizzle_migrations": "S",
  },
  cp_orchestrator: {
    workflow_runs: "S I U",
    step_runs: "S I U",
    dead_letters: "S I U",
    "internal.run_event_buffer": "S I U D",
    tenants: "S",
    users: "S",
    memberships: "S",
    apps: "S",
    app_versions: "S",
    actions: "S",
    workflows: "S",
    workflow_versions: "S",
    connections: "S(app_version_id,config,id,tenant_id)",
    webhook_deliveries: "S U D",
    triggers: "S I U",
    "internal.emails": "S U",
    "drizzle.__drizzle_migrations": "S",
  },
  cp_logs: { memberships: "S", workflow_runs: "S", step_runs: "S", "drizzle.__drizzle_migrations": "S" },
};

/** What the catalogue says a role was granted, in the form above. */
async function grantsOf(role: LoginRole): Promise<Record<string, string>> {
  const { rows } = await own.pool.query<{ relation: string; rights: string }>(
    `with relations as (
       select c.oid, case when n.nspname = 'public' then c.relname::text else n.nspname || '.' || c.relname end as relation, c.relacl
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and n.nspname in ('public', 'internal', 'drizzle')
     ), whole as (
       select r.oid, a.privilege_type, null::text as columns
       from relations r, aclexplode(r.relacl) a where a.grantee in ($1::regrole, 0)
     ), partial as (
       select r.oid, a.privilege_type, string_agg(t.attname, ',' order by t.attname) as columns
       from relations r join pg_attribute t on t.attrelid = r.oid, aclexplode(t.attacl) a
       where a.grantee in ($1::regrole, 0) group by 1, 2
     )
     select r.relation, string_agg(left(g.privilege_type, 1) || coalesce('(' || g.columns || ')', ''), ' '
       order by g.columns is not null, strpos('SIUDT', left(g.privilege_type, 1))) as rights
     from (select * from whole union all select * from partial) g join relations r using (oid)
     group by 1`,
    [role],
  );
  return Object.fromEntries(rows.map((row) => [row.relation, row.rights]));
}

/** The same rights in one order: whole table first, then by column. */
function ordered(rights: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(rights).map(([relation, text]) => [relation, text.split(" ").sort()]));
}

test.each(LOGIN_ROLES)("%s has exactly the table rights of the data model", async (role) => {
  expect(ordered(await grantsOf(role))).toEqual(ordered(EXPECTED[role]));
});

test.each([
  ["cp_hasura", null],
  ["cp_auth", ["write_audit"]],
  ["cp_gateway", ["write_audit"]],
  ["cp_orchestrator", ["prune_event_logs", "write_audit"]],
  ["cp_logs", null],
] as const)("%s may call of schema internal: %j", async (role, functions) => {
  const { rows } = await own.pool.query(
    `select has_schema_privilege($1, 'internal', 'usage') as uses, has_schema_privilege($1, 'internal', 'create') as creates,
       (select array_agg(proname::text order by proname) from pg_proc where pronamespace = 'internal'::regnamespace
        and has_function_privilege($1, oid, 'execute')) as functions`,
    [role],
  );

  expect(rows).toEqual([{ uses: functions !== null, creates: false, functions }]);
});

test.each(LOGIN_ROLES)(
  "%s owns no table, is no superuser, bypasses nothing and may not become another",
  async (role) => {
    const { rows } = await own.pool.query(
      `select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as mighty,
       exists (select 1 from pg_class where relowner = r.oid and relnamespace in ('public'::regnamespace, 'internal'::regnamespace)) as owns,
       exists (select 1 from pg_auth_members where member = r.oid) as member
     from pg_roles r where rolname = $1`,
      [role],
    );

    expect(rows).toEqual([{ mighty: false, owns: false, member: false }]);
  },
);

test("cp_hasura owns its own two schemas and may create there, and nowhere else", async () => {
  const outcomes = await own.as("cp_hasura", async (client) => [
    await outcomeOf(client.query("create table hdb_catalog.event_log (id text primary key)")),
    await outcomeOf(client.query("create table embedded_hdb.anything (id text primary key)")),
    await outcomeOf(client.query("create table public.anything (id text primary key)")),
    await outcomeOf(client.query("select * from internal.sessions")),
  ]);

  expect(outcomes).toEqual([
    "done",
    "done",
    "42501 permission denied for schema public",
    "42501 permission denied for schema internal",
  ]);
});

test("cp_auth may insert into the event log that Hasura makes later, and not read it", async () => {
  await own.as("cp_hasura", (client) => client.query("create table hdb_catalog.later_log (id text primary key)"));

  const outcomes = await own.as("cp_auth", async (client) => [
    await outcomeOf(client.query("insert into hdb_catalog.later_log values ('1')")),
    await outcomeOf(client.query("select * from hdb_catalog.later_log")),
  ]);

  expect(outcomes).toEqual(["done", "42501 permission denied for table later_log"]);
});

test("cp_hasura may put event triggers on tenants and invitations only", async () => {
  const outcomes = await own.as("cp_hasura", async (client) => {
    await client.query(
      "create function hdb_catalog.nothing() returns trigger language plpgsql as 'begin return null; end'",
    );
    const attach = (table: string) =>
      outcomeOf(
        client.query(
          `create trigger watch after insert on ${table} for each row execute function hdb_catalog.nothing()`,
        ),
      );
    return [await attach("tenants"), await attach("invitations"), await attach("workflow_runs")];
  });

  expect(outcomes).toEqual(["done", "done", "42501 permission denied for table workflow_runs"]);
});

test("what a role writes passes the triggers although it may not see what they use", async () => {
  const tenant = await addTenant(own.db);
  const { app } = await addApp(own.db, tenant.id);

  const outcomes = await own.as("cp_hasura", async (client) => [
    await outcomeOf(
      client.query(
        "insert into app_versions (id, app_id, version, auth_type, changelog) values (default, $1, '4.0.0', 'NONE', default)",
        [app.id],
      ),
    ),
    await outcomeOf(client.query("update apps set description = 'd' where id = $1", [app.id])),
    await outcomeOf(client.query("update apps set status = 'PUBLISHED' where id = $1", [app.id])),
  ]);

  expect(outcomes).toEqual(["done", "done", "42501 permission denied for table apps"]);
});
