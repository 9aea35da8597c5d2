import { createHash, randomBytes, randomUUID } from "node:crypto";
import { type HasuraRole, memberRole } from "@control-plane/service-kit";
import type { TestKeys, TestTenant, TestUser, World } from "@control-plane/testkit";
import type pg from "pg";
import { addDrafts, type Drafts } from "./drafts.ts";

/** A tenant with a row in every tracked table. Two of them differ in ids and in `mark`, which is in every text of theirs. */
export type MirroredTenant = {
  readonly tenant: TestTenant;
  readonly mark: string;
  readonly users: Readonly<Record<HasuraRole, TestUser>>;
  /** Its row of a table that every role who may read the table may read; throws for a table nobody built a row for. */
  shown(table: string, role: HasuraRole): string;
  /** Rows that may still be changed and deleted. */
  readonly drafts: Drafts;
};

/** @param mark lower-case letters, digits and hyphens. */
export async function buildMirroredTenant(
  sql: pg.Pool,
  world: World,
  keys: TestKeys,
  mark: string,
): Promise<MirroredTenant> {
  const tenant = await world.tenant({ slug: mark, name: mark });
  const user = (role: HasuraRole): Promise<TestUser> => addMember(tenant, mark, role);
  const users = {
    owner: await user("owner"),
    tenant_admin: await user("tenant_admin"),
    builder: await user("builder"),
    viewer: await user("viewer"),
  };
  const rows = new Map([
    ["tenants", tenant.id],
    ...(await addCatalogue(tenant, mark)),
    ...(await addHistory(sql, tenant, keys, mark)),
    ["invitations", await addInvitation(sql, tenant.id, mark, users.owner.id)],
  ]);
  const trail = new Map<string, string>();
  for (const { id } of Object.values(users)) trail.set(id, await addAuditEvent(sql, tenant.id, mark, id));
  return {
    tenant,
    mark,
    users,
    drafts: await addDrafts(sql, tenant, mark),
    shown(table, role) {
      const { id, membershipId } = users[role];
      const ofRole = new Map([
        ["users", id],
        ["memberships", membershipId],
        ["audit_events", trail.get(id)],
      ]);
      const row = ofRole.get(table) ?? rows.get(table);
      if (row === undefined) throw new Error(`the mirrored tenants have no row in ${table}: build one here`);
      return row;
    },
  };
}

export function addMember(tenant: TestTenant, mark: string, role: HasuraRole): Promise<TestUser> {
  const tag = randomBytes(3).toString("hex");
  return tenant.user(memberRole(role), { name: `${mark} ${role}`, email: `${mark}.${tag}@example.com` });
}

async function addCatalogue(tenant: TestTenant, mark: string): Promise<[string, string][]> {
  const app = await tenant.app({
    slug: mark,
    name: mark,
    version: {
      authType: "API_KEY",
      authConfig: { in: "HEADER", name: mark },
      baseUrl: `https://${mark}.example.com`,
      changelog: mark,
    },
    actions: [{ key: "call", name: mark, description: mark, inputSchema: { title: mark } }],
  });
  const connection = await tenant.connection({
    name: mark,
    config: { baseUrl: `https://${mark}.example.com` },
    secretFields: [mark],
    lastTestResult: { message: mark },
  });
  const [action] = app.actions;
  return [
    ["apps", app.id],
    ["app_versions", app.version.id],
    ["actions", action?.id ?? ""],
    ["connections", connection.id],
  ];
}

async function addHistory(sql: pg.Pool, tenant: TestTenant, keys: TestKeys, mark: string): Promise<[string, string][]> {
  const workflow = await tenant.workflow({
    name: mark,
    steps: [{ key: "echo", action: "core.echo", input: { text: mark } }],
  });
  const trigger = await workflow.webhook({ name: mark });
  const delivery = randomUUID();
  const place = { tenantId: tenant.id, table: "webhook_deliveries", rowId: delivery, column: "body_cipher" };
  await insert(sql, "webhook_deliveries", {
    id: delivery,
    tenant_id: tenant.id,
    trigger_id: trigger.id,
    sender_id: mark,
    body_hash: createHash("sha256").update("{}").digest(),
    body_bytes: 2,
    body_cipher: await keys.seal(place, "{}"),
    content_type: mark,
    headers: { "x-mark": mark },
    matched_secret: "NONE",
  });
  const run = await workflow.run({
    status: "SUCCEEDED",
    source: "WEBHOOK",
    triggerId: trigger.id,
    webhookDeliveryId: delivery,
    idempotencyKey: mark,
    input: { mark },
  });
  const [step] = await run.steps();
  await sql.query("update step_runs set status = 'SUCCEEDED', input = $2, output = $2 where id = $1", [
    step?.id,
    { mark },
  ]);
  const deadLetter = await insert(sql, "dead_letters", {
    tenant_id: tenant.id,
    kind: "RUN",
    reference_id: run.id,
    reason: mark,
    detail: mark,
    payload: { mark },
  });
  return [
    ["workflows", workflow.id],
    ["workflow_versions", workflow.version.id],
    ["triggers", trigger.id],
    ["webhook_deliveries", delivery],
    ["workflow_runs", run.id],
    ["step_runs", step?.id ?? ""],
    ["dead_letters", deadLetter],
  ];
}

function addInvitation(sql: pg.Pool, tenantId: string, mark: string, invitedBy: string): Promise<string> {
  return insert(sql, "invitations", {
    tenant_id: tenantId,
    email: `${mark}.invited@example.com`,
    role: "viewer",
    token_hash: randomBytes(32),
    expires_at: new Date(Date.now() + 7 * 24 * 3_600_000),
    invited_by: invitedBy,
  });
}

function addAuditEvent(sql: pg.Pool, tenantId: string, mark: string, actorId: string): Promise<string> {
  return insert(sql, "audit_events", {
    tenant_id: tenantId,
    actor_type: "USER",
    actor_id: actorId,
    actor_role: mark,
    action: "mark.made",
    target_type: mark,
    changes: { mark },
    outcome: "SUCCESS",
    source: mark,
  });
}

/** As the administrator, where testkit has no builder. */
async function insert(sql: pg.Pool, table: string, row: Readonly<Record<string, unknown>>): Promise<string> {
  const names = Object.keys(row);
  const { rows } = await sql.query<{ id: string }>(
    `insert into ${table} (${names.join(", ")}) values (${names.map((_, index) => `$${index + 1}`).join(", ")}) returning id`,
    Object.values(row),
  );
  return rows[0]?.id ?? "";
}
