import { randomBytes } from "node:crypto";
import { newToken } from "@control-plane/crypto";
import type { TestTenant } from "@control-plane/testkit";
import type pg from "pg";

/** Rows by table that may be changed and deleted: nothing refers to them, none of them is published. */
export type Drafts = ReadonlyMap<string, string>;

/**
 * A new set. What a table's permissions let somebody delete must be in it.
 * @param member the e-mail of whose invitation, session and access key they are; without it the invitation is for
 *   somebody who has no account, the rest a spare member's
 */
export async function addDrafts(sql: pg.Pool, tenant: TestTenant, mark: string, member?: string): Promise<Drafts> {
  const name = (kind: string): string => `${mark}-${kind}-${randomBytes(4).toString("hex")}`;
  const app = await sql.query<{ id: string }>(
    "insert into apps (tenant_id, slug, name, description) values ($1, $2, $2, $3) returning id",
    [tenant.id, name("app"), mark],
  );
  const versioned = await tenant.app({
    slug: name("versioned"),
    published: false,
    version: { changelog: mark },
    actions: [{ key: "call", name: mark }],
  });
  const drafted = await tenant.workflow({ name: name("drafted"), published: false });
  const draft = await drafted.draft({ steps: [{ key: "echo", action: "core.echo", input: { text: mark } }] });
  const trigger = await drafted.webhook({ name: mark });
  const schedule = await drafted.schedule({ name: mark, enabled: false });
  const signed = await drafted.webhook({
    name: mark,
    signatureScheme: "STANDARD_WEBHOOKS",
    webhookSecretCipher: randomBytes(64),
  });
  const empty = await tenant.workflow({ name: name("empty"), published: false });
  const used = await tenant.app({ slug: name("used"), name: mark });
  const connection = await tenant.connection({ name: name("spare"), appVersionId: used.version.id });
  const spare = await tenant.user("viewer", { name: mark, email: `${name("spare")}@example.com` });
  const { token, hash } = newToken("inv_");
  const invitation = await sql.query<{ id: string }>(
    `insert into invitations (tenant_id, email, role, token_hash, expires_at)
       values ($1, $2, 'viewer', $3, now() + interval '1 day') returning id`,
    [tenant.id, member ?? `${name("invited")}@example.com`, hash],
  );
  const failed = await (await tenant.workflow({ name: name("failed") })).run({ status: "FAILED" });
  const letter = await sql.query<{ id: string }>(
    `insert into dead_letters (tenant_id, kind, reference_id, reason, detail, payload)
       values ($1, 'RUN', $2, $3, $3, $4) returning id`,
    [tenant.id, failed.id, mark, { mark }],
  );
  const holder = await sql.query<{ id: string }>("select id from users where email = $1", [member ?? spare.email]);
  return new Map([
    ...(await addSecrets(sql, tenant.id, holder.rows[0]?.id ?? "")),
    ["apps", app.rows[0]?.id ?? ""],
    ["app_versions", versioned.version.id],
    ["actions", versioned.actions[0]?.id ?? ""],
    ["workflow_versions", draft.id],
    ["triggers", trigger.id],
    ["schedule", schedule.id],
    ["signed trigger", signed.id],
    ["workflows", empty.id],
    ["drafted workflow", drafted.id],
    ["spare connection", connection.id],
    ["spare member", spare.membershipId],
    ["open invitation", invitation.rows[0]?.id ?? ""],
    ["token of the open invitation", token],
    ["drafted app", versioned.id],
    ["open letter", letter.rows[0]?.id ?? ""],
  ]);
}

/** What a user holds to stay signed in, by himself and by a program, and to get in again. */
async function addSecrets(sql: pg.Pool, tenantId: string, userId: string): Promise<[string, string][]> {
  const [refresh, key, reset] = [newToken("rt_"), newToken("ak_"), newToken("pwr_")];
  const { rows } = await sql.query<{ session: string; key: string }>(
    `with session as (
       insert into internal.sessions (user_id, tenant_id, expires_at) values ($1, $2, now() + interval '1 day') returning id),
     token as (
       insert into internal.refresh_tokens (session_id, token_hash, expires_at)
       select id, $3, now() + interval '1 day' from session),
     key as (
       insert into internal.access_keys (tenant_id, user_id, name, prefix, key_hash, expires_at)
       values ($2, $1, 'ci', left($5, 8), $4, now() + interval '1 day') returning id),
     reset as (
       insert into internal.password_resets (user_id, token_hash, expires_at) values ($1, $6, now() + interval '1 day'))
     select (select id from session) as session, (select id from key) as key`,
    [userId, tenantId, refresh.hash, key.hash, key.token, reset.hash],
  );
  return [
    ["session", rows[0]?.session ?? ""],
    ["refresh token", refresh.token],
    ["access key", rows[0]?.key ?? ""],
    ["reset token", reset.token],
  ];
}
