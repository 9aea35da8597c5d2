import { randomBytes, randomUUID } from "node:crypto";
import { newToken } from "@control-plane/crypto";
import type { TestDatabase, TestUser } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { askForToken, makeKey } from "./access-key-holder.ts";
import { ACTION_SECRET, test as base, post, type Service } from "./service.ts";
import { signIn } from "./sign-in.ts";

const NEW_PASSWORD = "another long enough password";

/** One secret of each kind, all of one user, so that nothing but the kind is wrong. */
const KINDS = [
  "access token",
  "refresh token",
  "access key",
  "invitation token",
  "reset token",
  "lease token",
  "runner token",
  "action secret",
] as const;
type Kind = (typeof KINDS)[number];

/** Where a kind belongs in this service, and the status of the answer when a secret is presented there. */
const PLACES: readonly (readonly [Kind, (service: Service, secret: string) => Promise<number>])[] = [
  ["access token", (service, secret) => statusOf(service, "/auth/logout-everywhere", {}, bearer(secret))],
  ["refresh token", (service, refreshToken) => statusOf(service, "/auth/refresh", { refreshToken })],
  ["access key", async (service, secret) => (await askForToken(service, secret)).status],
  ["invitation token", (service, token) => statusOf(service, "/auth/invitations/decline", { token })],
  ["reset token", (service, token) => statusOf(service, "/auth/password/reset", { token, newPassword: NEW_PASSWORD })],
  [
    "action secret",
    (service, secret) =>
      statusOf(
        service,
        "/actions/requestPasswordReset",
        { action: { name: "requestPasswordReset" }, input: { email: "a@example.com" }, session_variables: {} },
        { "x-action-secret": secret },
      ),
  ],
];

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

async function statusOf(...call: Parameters<typeof post>): Promise<number> {
  return (await post(...call)).status;
}

async function invite(db: TestDatabase, { tenantId }: TestUser): Promise<string> {
  const { token, hash } = newToken("inv_");
  await db.pool.query(
    `insert into invitations (tenant_id, email, role, token_hash, expires_at)
     values ($1, $2, 'viewer', $3, now() + interval '1 day')`,
    [tenantId, `${randomUUID()}@example.com`, hash],
  );
  return token;
}

async function offerReset(db: TestDatabase, { id }: TestUser): Promise<string> {
  const { token, hash } = newToken("pwr_");
  await db.pool.query(
    "insert into internal.password_resets (user_id, token_hash, expires_at) values ($1, $2, now() + interval '1 hour')",
    [id, hash],
  );
  return token;
}

const test = base.extend("secrets", async ({ db, world, actions }): Promise<Readonly<Record<Kind, string>>> => {
  const acme = await world.tenant();
  const user = await acme.user("builder");
  const { accessToken, refreshToken } = await signIn(actions, user);
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const lease = newToken("lt_");
  await db.pool.query("update workflow_runs set lease_token_hash = $1 where id = $2", [lease.hash, run.id]);
  return {
    "access token": accessToken,
    "refresh token": refreshToken,
    "access key": (await makeKey(actions, user)).key,
    "invitation token": await invite(db, user),
    "reset token": await offerReset(db, user),
    "lease token": lease.token,
    "runner token": randomBytes(32).toString("base64url"),
    "action secret": ACTION_SECRET,
  };
});

describe.each(PLACES)("where the %s belongs", (place, present) => {
  test("it opens, and no other kind does [CVE-2026-53536]", async ({ service, secrets }) => {
    const others: [Kind, number][] = [];
    for (const kind of KINDS.filter((other) => other !== place))
      others.push([kind, await present(service, secrets[kind])]);
    const own = await present(service, secrets[place]);

    expect(own).toBe(200);
    expect(others).toHaveLength(7);
    for (const [kind, status] of others) expect([kind, status]).toEqual([kind, expect.toBeOneOf([400, 401, 404])]);
  });
});

test("no secret is stored as it is", async ({ db, secrets }) => {
  const { rows } = await db.pool.query<{ text: string }>(
    `select coalesce(string_agg(t::text, ' '), '') as text from (
       select s::text as t from internal.sessions s union all select t::text from internal.refresh_tokens t
       union all select k::text from internal.access_keys k union all select i::text from invitations i
       union all select p::text from internal.password_resets p union all select a::text from audit_events a) t`,
  );

  for (const kind of KINDS) expect(rows[0]?.text).not.toContain(secrets[kind]);
});
