import { enterRequest } from "@control-plane/service-kit/trace";
import { and, desc, eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { auditEvents, inTransaction, LOGIN_ROLES, memberActor, workflowRuns, writeAudit } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addApp, addMember, addRun, addRunnable, addTenant, addWebhook, addWorkflow, newRun } from "./rows.ts";

const own = useOwnDatabase();

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async function trailOf(targetId: string) {
  return own.db.select().from(auditEvents).where(eq(auditEvents.targetId, targetId)).orderBy(desc(auditEvents.id));
}

async function lastEventOf(targetId: string) {
  const [event] = await trailOf(targetId);
  return event;
}

test("a change of a member is recorded with actor, role, source, request and trace", async () => {
  const tenant = await addTenant(own.db);
  const owner = await addMember(own.db, tenant.id);
  const actor = {
    source: "auth-actions",
    userId: owner.userId,
    tenantId: tenant.id,
    role: "admin",
  } as const;

  enterRequest(TRACEPARENT, "req-1");
  await inTransaction(own.db, actor, (tx) =>
    tx.execute(sql`update tenants set name = 'Renamed' where id = ${tenant.id}`),
  );

  expect(await lastEventOf(tenant.id)).toMatchObject({
    tenantId: tenant.id,
    actorType: "USER",
    actorId: owner.userId,
    actorRole: "admin",
    action: "tenant.updated",
    targetType: "tenants",
    changes: { name: { old: "Tenant", new: "Renamed" } },
    outcome: "SUCCESS",
    source: "auth-actions",
    requestId: "req-1",
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  });
});

test("what Hasura sets names the operator with the admin secret", async () => {
  const tenant = await addTenant(own.db);

  await own.db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('hasura.user', '{"x-hasura-role": "admin"}', true)`);
    await tx.execute(sql`update tenants set log_retention_days = 7 where id = ${tenant.id}`);
  });

  expect(await lastEventOf(tenant.id)).toMatchObject({
    actorType: "SYSTEM",
    actorId: null,
    actorRole: "operator",
    source: "hasura",
  });
});

test.each([
  ["a service", { "x-source": "orchestrator" }, "orchestrator/access-key"],
  ["Hasura", {}, "hasura/access-key"],
])("what %s does for a token that was bought with an access key says so", async (_who, session, source) => {
  const tenant = await addTenant(own.db);
  const variables = JSON.stringify({ ...session, "x-hasura-role": "owner", "x-hasura-token-source": "access-key" });

  await own.db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('hasura.user', ${variables}, true)`);
    await tx.execute(sql`update tenants set log_retention_days = 7 where id = ${tenant.id}`);
  });

  expect(await lastEventOf(tenant.id)).toMatchObject({ source });
});

test("a member's actor carries where his token came from", async () => {
  const tenant = await addTenant(own.db);
  const { userId } = await addMember(own.db, tenant.id);
  const actor = memberActor("auth-actions", {
    userId,
    tenantId: tenant.id,
    role: "builder",
    tokenSource: "access-key",
  });

  await inTransaction(own.db, actor, (tx) =>
    tx.execute(sql`update tenants set name = 'Renamed' where id = ${tenant.id}`),
  );

  expect(await lastEventOf(tenant.id)).toMatchObject({ actorId: userId, source: "auth-actions/access-key" });
});

test("a change without settings is the system's, also after a transaction that had some", async () => {
  const tenant = await addTenant(own.db);
  const client = await own.pool.connect();

  await client.query(`begin; select set_config('hasura.user', '{"x-hasura-user-id": "${tenant.id}"}', true); commit`);
  await client.query("update tenants set name = 'Later' where id = $1", [tenant.id]);
  client.release();

  expect(await lastEventOf(tenant.id)).toMatchObject({ actorType: "SYSTEM", actorId: null });
});

test("a runner acts under its run's id", async () => {
  const { tenant } = await addRunnable(own.db);
  const runId = tenant.id;

  await inTransaction(own.db, { source: "runner", runId, tenantId: tenant.id }, (tx) =>
    writeAudit(tx, {
      tenantId: tenant.id,
      action: "connection.credential_read",
      targetType: "connections",
      targetId: null,
      changes: { runId },
    }),
  );

  const [event] = await own.db
    .select()
    .from(auditEvents)
    .where(and(eq(auditEvents.action, "connection.credential_read"), eq(auditEvents.tenantId, tenant.id)));
  expect(event).toMatchObject({ actorType: "RUNNER", actorId: runId, source: "runner", changes: { runId } });
});

test.each([
  [
    "users",
    "user",
    { name: { old: "User", new: "Ann" }, password_hash: { changed: true } },
    "name = 'Ann', password_hash = 'other'",
  ],
  ["memberships", "membership", { role: { old: "owner", new: "builder" } }, "role = 'builder'"],
  ["apps", "app", { description: { old: null, new: "d" } }, "description = 'd'"],
  ["app_versions", "app_version", { allowed_hosts: { old: [], new: ["a.example"] } }, "allowed_hosts = '{a.example}'"],
  ["actions", "action", { request: { changed: true }, name: { old: "Act", new: "B" } }, "request = '{}', name = 'B'"],
  ["connections", "connection", { secret_cipher: { changed: true } }, "secret_cipher = 'bytes'"],
  ["workflows", "workflow", { name: { old: "w", new: "x" } }, "name = 'x'"],
  [
    "workflow_versions",
    "workflow_version",
    { content_hash: { old: expect.any(String), new: expect.any(String) } },
    `definition = '{"secret": 1}'`,
  ],
  ["dead_letters", "dead_letter", { status: { old: "OPEN", new: "DISCARDED" } }, "status = 'DISCARDED'"],
])("a row of %s leaves %s.created, .updated and .deleted", async (table, singular, changes, assignment) => {
  const id = await addRowOf(table);

  await own.pool.query(`update ${table} set ${assignment} where id = $1`, [id]);
  await own.pool.query(`update ${table} set updated_at = now() where id = $1`, [id]);
  await own.pool.query(`delete from ${table} where id = $1`, [id]);

  const trail = await trailOf(id);
  expect(trail.map((event) => event.action)).toEqual([
    `${singular}.deleted`,
    `${singular}.updated`,
    `${singular}.created`,
  ]);
  expect(trail[1]?.changes).toEqual(changes);
  expect(new Set(trail.map((event) => event.targetType))).toEqual(new Set([table]));
});

async function addRowOf(table: string): Promise<string> {
  const tenant = await addTenant(own.db);
  const member = await addMember(own.db, tenant.id);
  await addMember(own.db, tenant.id);
  const { app, version } = await addApp(own.db, tenant.id);
  const workflow = await addWorkflow(own.db, tenant.id);
  const insert = async (statement: string, values: unknown[]) => {
    const { rows } = await own.pool.query<{ id: string }>(`${statement} returning id`, values);
    return rows[0]?.id ?? "";
  };
  switch (table) {
    case "users":
      await own.pool.query("delete from memberships where id = $1", [member.id]);
      return member.userId;
    case "memberships":
      return member.id;
    case "apps":
      await own.pool.query("delete from app_versions where id = $1", [version.id]);
      return app.id;
    case "app_versions":
      return version.id;
    case "actions":
      return insert("insert into actions (app_version_id, key, name) values ($1, 'act', 'Act')", [version.id]);
    case "connections":
      return insert("insert into connections (tenant_id, app_version_id, name) values ($1, $2, 'c')", [
        tenant.id,
        version.id,
      ]);
    case "workflows":
      await own.pool.query("delete from workflows where id = $1", [workflow.id]);
      return insert("insert into workflows (tenant_id, name) values ($1, 'w')", [tenant.id]);
    case "workflow_versions":
      return insert("insert into workflow_versions (tenant_id, workflow_id, definition) values ($1, $2, '{}')", [
        tenant.id,
        workflow.id,
      ]);
    default:
      return insert("insert into dead_letters (tenant_id, kind, reason) values ($1, 'RUN', 'LEASE_LOST')", [tenant.id]);
  }
}

test("publishing, taking over and unpublishing have their own words", async () => {
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  const draft = async () => {
    const { rows } = await own.pool.query<{ id: string }>(
      "insert into workflow_versions (tenant_id, workflow_id, definition) values ($1, $2, '{}') returning id",
      [tenant.id, workflow.id],
    );
    return rows[0]?.id ?? "";
  };
  const publish = (id: string) =>
    own.pool.query(
      `with cleared as (update workflow_versions set is_latest = false where workflow_id = $1 and is_latest returning 1)
       update workflow_versions set is_latest = true, published_at = coalesce(published_at, now())
       where id = $2 and (select count(*) from cleared) >= 0`,
      [workflow.id, id],
    );

  const first = await draft();
  await publish(first);
  const second = await draft();
  await publish(second);
  await own.pool.query("update workflow_versions set is_latest = false where id = $1", [second]);

  expect((await trailOf(first)).map((event) => event.action)).toEqual([
    "workflow_version.updated",
    "workflow_version.published",
    "workflow_version.created",
  ]);
  expect((await trailOf(second)).map((event) => event.action)).toEqual([
    "workflow_version.unpublished",
    "workflow_version.published",
    "workflow_version.created",
  ]);
});

test.each([
  ["MANUAL", ["workflow_run.created"]],
  ["RETRY", ["workflow_run.created"]],
  ["REPLAY", ["workflow_run.created"]],
  ["WEBHOOK", []],
  ["SCHEDULE", []],
] as const)("a run with source %s leaves %j", async (source, expected) => {
  const [run] = await own.db
    .insert(workflowRuns)
    .values(newRun(await addRunnable(own.db), source))
    .returning();

  expect((await trailOf(run?.id ?? "")).map((event) => event.action)).toEqual(expected);
});

test("of a run's later changes only the wish to cancel is recorded", async () => {
  const run = await addRun(own.db, await addRunnable(own.db), "RUNNING");

  await own.pool.query("update workflow_runs set lease_expires_at = now() where id = $1", [run.id]);
  await own.pool.query("update workflow_runs set status = 'CANCELLING', cancel_requested_at = now() where id = $1", [
    run.id,
  ]);

  expect((await trailOf(run.id)).map((event) => event.action)).toEqual([
    "workflow_run.cancel_requested",
    "workflow_run.created",
  ]);
});

test("a webhook secret shows in the trail as changed, never as a value", async () => {
  const { workflow } = await addRunnable(own.db);

  const trigger = await addWebhook(own.db, workflow, Buffer.from("canary"));

  const event = await lastEventOf(trigger.id);
  expect(event?.changes).toMatchObject({ webhook_secret_cipher: { changed: true } });
  expect(JSON.stringify(event)).not.toContain(Buffer.from("canary").toString("hex"));
});

test("a counter on a trigger writes nothing", async () => {
  const { workflow } = await addRunnable(own.db);
  const trigger = await addWebhook(own.db, workflow, Buffer.from("secret"));

  await own.pool.query("update triggers set rejected_count = rejected_count + 1 where id = $1", [trigger.id]);

  expect(await trailOf(trigger.id)).toHaveLength(1);
});

test("a transaction that rolls back leaves no event", async () => {
  const tenant = await addTenant(own.db);
  const before = (await trailOf(tenant.id)).length;

  await outcomeOf(
    own.db.transaction(async (tx) => {
      await tx.execute(sql`update tenants set name = 'Never' where id = ${tenant.id}`);
      throw new Error("undone");
    }),
  );

  expect(await trailOf(tenant.id)).toHaveLength(before);
});

test("a change that cannot be audited does not happen", async () => {
  const tenant = await addTenant(own.db);

  const outcome = await outcomeOf(
    own.db.transaction(async (tx) => {
      await tx.execute(sql`select set_config('hasura.user', '{"x-hasura-user-id": "not a uuid"}', true)`);
      await tx.execute(sql`update tenants set name = 'Never' where id = ${tenant.id}`);
    }),
  );

  expect(outcome).toMatch(/^22P02/);
  const { rows } = await own.pool.query("select name from tenants where id = $1", [tenant.id]);
  expect(rows).toEqual([{ name: "Tenant" }]);
});

test.each(["update audit_events set action = 'x'", "delete from audit_events", "truncate audit_events"])(
  "not even the administrator may: %s",
  async (statement) => {
    expect(await outcomeOf(own.pool.query(statement))).toBe("55000 AUDIT_APPEND_ONLY");
  },
);

test.each(LOGIN_ROLES)("%s cannot write the trail past the function", async (role) => {
  const outcomes = await own.as(role, async (client) => [
    await outcomeOf(
      client.query(
        "insert into audit_events (actor_type, action, target_type, outcome, source) values ('SYSTEM', 'x', 'x', 'SUCCESS', 'x')",
      ),
    ),
    await outcomeOf(client.query("update audit_events set action = 'x'")),
    await outcomeOf(client.query("delete from audit_events")),
    await outcomeOf(client.query("truncate audit_events")),
  ]);

  expect(outcomes).toEqual(Array.from({ length: 4 }, () => "42501 permission denied for table audit_events"));
});
