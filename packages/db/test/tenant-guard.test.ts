import { randomUUID } from "node:crypto";
import { type SQL, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { inTransaction } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addApp, addMember, addRunnable, addSchedule, addTenant, addWorkflow } from "./rows.ts";

const own = useOwnDatabase();

const REFUSED = "23514 TENANT_GUARD";

/** One statement of a member of `tenantId`, as it would come from a handler or through Hasura. */
async function attempt(tenantId: string, userId: string, statement: SQL): Promise<string> {
  return outcomeOf(
    inTransaction(own.db, { source: "auth-actions", tenantId, userId, role: "owner" }, (tx) => tx.execute(statement)),
  );
}

/** One statement with the token of a builder, as Hasura runs it. */
async function throughHasura(tenantId: string, userId: string, statement: SQL): Promise<string> {
  const variables = { "x-hasura-role": "builder", "x-hasura-tenant-id": tenantId, "x-hasura-user-id": userId };
  return outcomeOf(
    own.db.transaction(async (tx) => {
      await tx.execute(sql`select set_config('hasura.user', ${JSON.stringify(variables)}, true)`);
      await tx.execute(statement);
    }),
  );
}

/** The rows of two tenants, one per guarded table; `version` is the draft of their app. */
async function twoTenants() {
  const tenant = async () => {
    const runnable = await addRunnable(own.db);
    const member = await addMember(own.db, runnable.tenant.id);
    const app = await addApp(own.db, runnable.tenant.id);
    const schedule = await addSchedule(own.db, runnable.workflow);
    const draft = await addWorkflow(own.db, runnable.tenant.id);
    return { ...runnable, member, ...app, schedule, draft };
  };
  return { mine: await tenant(), theirs: await tenant() };
}

type Side = Awaited<ReturnType<typeof twoTenants>>["mine"];

const writes: Record<string, (row: Side) => SQL> = {
  "update of tenants": (row) => sql`update tenants set name = 'x' where id = ${row.tenant.id}`,
  "update of users": (row) => sql`update users set name = 'x' where id = ${row.member.userId}`,
  "insert into apps": (row) => sql`insert into apps (tenant_id, slug, name) values (${row.tenant.id}, 'fresh', 'x')`,
  "update of apps": (row) => sql`update apps set name = 'x' where id = ${row.app.id}`,
  "insert into app_versions": (row) =>
    sql`insert into app_versions (app_id, version, auth_type) values (${row.app.id}, '2.0.0', 'NONE')`,
  "update of app_versions": (row) => sql`update app_versions set changelog = 'x' where id = ${row.version.id}`,
  "insert into actions": (row) =>
    sql`insert into actions (app_version_id, key, name) values (${row.version.id}, 'fresh', 'x')`,
  "insert into connections": (row) =>
    sql`insert into connections (tenant_id, app_version_id, name) values (${row.tenant.id}, ${row.version.id}, 'fresh')`,
  "insert into workflows": (row) => sql`insert into workflows (tenant_id, name) values (${row.tenant.id}, 'fresh')`,
  "update of workflows": (row) => sql`update workflows set description = 'x' where id = ${row.workflow.id}`,
  "insert into workflow_versions": (row) =>
    sql`insert into workflow_versions (tenant_id, workflow_id, definition) values (${row.tenant.id}, ${row.draft.id}, '{}')`,
  "update of triggers": (row) => sql`update triggers set name = 'x' where id = ${row.schedule.id}`,
  "delete from triggers": (row) => sql`delete from triggers where id = ${row.schedule.id}`,
  "delete from app_versions": (row) => sql`delete from app_versions where id = ${row.version.id}`,
  "delete from workflows": (row) => sql`delete from workflows where id = ${row.draft.id}`,
};

test.each(Object.entries(writes))(
  "an %s in another tenant is refused, in the own tenant it is done",
  async (_name, write) => {
    const { mine, theirs } = await twoTenants();

    const abroad = await attempt(mine.tenant.id, mine.member.userId, write(theirs));
    const atHome = await attempt(mine.tenant.id, mine.member.userId, write(mine));

    expect([abroad, atHome]).toEqual([REFUSED, "done"]);
  },
);

test("a session of a tenant cannot write the global catalogue", async () => {
  const { mine } = await twoTenants();

  const outcome = await attempt(
    mine.tenant.id,
    mine.member.userId,
    sql`update apps set name = 'x' where tenant_id is null`,
  );

  expect(outcome).toBe(REFUSED);
});

test("a version put under another tenant's app gets that tenant, so the guard refuses it", async () => {
  const { mine, theirs } = await twoTenants();

  const outcome = await attempt(
    mine.tenant.id,
    mine.member.userId,
    sql`insert into app_versions (app_id, tenant_id, version, auth_type) values (${theirs.app.id}, ${mine.tenant.id}, '3.0.0', 'NONE')`,
  );

  expect(outcome).toBe(REFUSED);
});

test("an action moved under another tenant's version is refused", async () => {
  const { mine, theirs } = await twoTenants();
  await own.db.execute(sql`insert into actions (app_version_id, key, name) values (${mine.version.id}, 'mover', 'x')`);

  const outcome = await outcomeOf(
    own.db.execute(
      sql`update actions set app_version_id = ${theirs.version.id} where app_version_id = ${mine.version.id}`,
    ),
  );

  expect(outcome).toBe(REFUSED);
});

test("without a session there is no guard", async () => {
  const { mine } = await twoTenants();

  expect(await outcomeOf(own.db.execute(sql`update tenants set name = 'x' where id = ${mine.tenant.id}`))).toBe("done");
});

test.each(["memberships", "workflows", "workflow_versions", "workflow_runs", "triggers"])(
  "the tenant of a row in %s never changes, whoever asks",
  async (table) => {
    const { mine, theirs } = await twoTenants();
    await own.db.execute(sql`insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at)
      select ${mine.tenant.id}, ${mine.workflow.id}, id, 'MANUAL', 1, now() from workflow_versions where workflow_id = ${mine.workflow.id}`);

    const outcome = await outcomeOf(
      own.db.execute(
        sql`update ${sql.identifier(table)} set tenant_id = ${theirs.tenant.id} where tenant_id = ${mine.tenant.id}`,
      ),
    );

    expect(outcome).toBe(REFUSED);
  },
);

test("no row can refer to another tenant's row", async () => {
  const { mine, theirs } = await twoTenants();

  const outcome = await outcomeOf(
    own.db.execute(
      sql`insert into workflow_versions (tenant_id, workflow_id, definition) values (${mine.tenant.id}, ${theirs.workflow.id}, '{}')`,
    ),
  );

  expect(outcome).toMatch(/^23503 .*workflow_versions_workflow_fk/);
});

type Parented = {
  readonly parent: (tenantId: string) => Promise<string>;
  /** What a unique index allows once under each parent. */
  readonly child: (tenantId: string, parentId: string) => SQL;
};

/** The references that Hasura may write, beside those to tenants and users. */
const parented: Readonly<Record<string, Parented>> = {
  "actions -> app_versions": {
    parent: async (tenantId) => (await addApp(own.db, tenantId)).version.id,
    child: (_tenantId, version) =>
      sql`insert into actions (app_version_id, key, name) values (${version}, 'taken', 'x')`,
  },
  "app_versions -> apps": {
    parent: async (tenantId) => (await addApp(own.db, tenantId)).app.id,
    child: (_tenantId, app) =>
      sql`insert into app_versions (app_id, version, auth_type) values (${app}, '2.0.0', 'NONE')`,
  },
  "workflow_versions -> workflows": {
    parent: async (tenantId) => (await addWorkflow(own.db, tenantId)).id,
    child: (tenantId, workflow) =>
      sql`insert into workflow_versions (tenant_id, workflow_id, definition) values (${tenantId}, ${workflow}, '{}')`,
  },
};

test.each(Object.entries(parented))(
  "%s: an insert under another tenant's row is refused alike, whether a unique index would refuse it too or not, and as one under none",
  async (_name, { parent, child }) => {
    const [mine, theirs] = [await addTenant(own.db), await addTenant(own.db)];
    const me = await addMember(own.db, mine.id);
    const [atHome, full, empty] = [await parent(mine.id), await parent(theirs.id), await parent(theirs.id)];
    await own.db.execute(child(theirs.id, full));

    const outcomes: string[] = [];
    for (const id of [full, empty, randomUUID(), atHome])
      outcomes.push(await attempt(mine.id, me.userId, child(mine.id, id)));

    const [refusal] = outcomes;
    expect(refusal).toMatch(/^23514 TENANT_GUARD$|^23503 .*_fk"$/);
    expect(outcomes).toEqual([refusal, refusal, refusal, "done"]);
  },
);

const inserts: Readonly<Record<string, Parented>> = {
  ...parented,
  apps: {
    parent: async () => `a${randomUUID()}`,
    child: (tenantId, slug) => sql`insert into apps (tenant_id, slug, name) values (${tenantId}, ${slug}, 'x')`,
  },
  workflows: {
    parent: async () => randomUUID(),
    child: (tenantId, name) => sql`insert into workflows (tenant_id, name) values (${tenantId}, ${name})`,
  },
};

test.each(Object.entries(inserts))(
  "%s: an insert of a former member is refused alike, whether the row is there already or not",
  async (_name, { parent, child }) => {
    const tenant = await addTenant(own.db);
    const [member, removed, changed] = [
      await addMember(own.db, tenant.id, "builder"),
      await addMember(own.db, tenant.id, "builder"),
      await addMember(own.db, tenant.id, "viewer"),
    ];
    await own.db.execute(sql`update memberships set status = 'REMOVED', removed_at = now() where id = ${removed.id}`);
    const [taken, free] = [await parent(tenant.id), await parent(tenant.id)];
    await own.db.execute(child(tenant.id, taken));

    const outcomes: string[] = [];
    for (const { userId } of [removed, changed, member])
      for (const id of [taken, free]) outcomes.push(await throughHasura(tenant.id, userId, child(tenant.id, id)));

    expect(outcomes).toEqual([REFUSED, REFUSED, REFUSED, REFUSED, expect.stringMatching(/^23505 /), "done"]);
  },
);

test("every table that Hasura may insert into asks whether it is a member who does", async () => {
  const { rows } = await own.pool.query<{ relation: string; asks: boolean }>(
    `select c.oid::regclass::text as relation,
            exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 't22_member_guard') as asks
       from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and has_table_privilege('cp_hasura', c.oid, 'insert')`,
  );

  expect(rows.filter(({ asks }) => !asks)).toEqual([]);
  expect(rows.length).toBeGreaterThan(0);
});

test("Hasura writes no other reference to a row that belongs to a tenant", async () => {
  const { rows } = await own.pool.query<{ reference: string }>(
    `select distinct k.conrelid::regclass::text || ' -> ' || k.confrelid::regclass::text as reference
       from pg_constraint k
      where k.contype = 'f' and k.confrelid not in ('tenants'::regclass, 'users'::regclass)
        and (has_table_privilege('cp_hasura', k.conrelid, 'insert')
          or exists (select from unnest(k.conkey) c where has_column_privilege('cp_hasura', k.conrelid, c, 'update')))
      order by 1`,
  );

  expect(rows.map(({ reference }) => reference)).toEqual(Object.keys(parented));
});

test("a connection takes a global or an own app version, never another tenant's", async () => {
  const { mine, theirs } = await twoTenants();
  const global = await addApp(own.db, null);
  const connect = (versionId: string) =>
    outcomeOf(
      own.db.execute(
        sql`insert into connections (tenant_id, app_version_id, name) values (${mine.tenant.id}, ${versionId}, ${versionId})`,
      ),
    );

  const outcomes = [await connect(global.version.id), await connect(mine.version.id), await connect(theirs.version.id)];

  expect(outcomes).toEqual(["done", "done", "23514 APP_VERSION_NOT_IN_TENANT"]);
});

test("a member changes the own name only", async () => {
  const tenant = await addTenant(own.db);
  const [me, colleague] = [await addMember(own.db, tenant.id), await addMember(own.db, tenant.id)];
  const rename = (id: string) => sql`update users set name = 'x' where id = ${id}`;

  const outcomes = [
    await attempt(tenant.id, me.userId, rename(me.userId)),
    await attempt(tenant.id, me.userId, rename(colleague.userId)),
  ];

  expect(outcomes).toEqual(["done", REFUSED]);
});
