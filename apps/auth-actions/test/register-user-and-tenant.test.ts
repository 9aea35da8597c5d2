import { createHash } from "node:crypto";
import { type Actions, uniqueSlug } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { registerUserAndTenant } from "../src/actions/register-user-and-tenant.ts";
import { type AuthPayload, authPayloadSchema } from "../src/domain/sessions.ts";
import { post, test, verified } from "./service.ts";

const PASSWORD = "correct horse battery staple";

function registration(change: Record<string, unknown> = {}) {
  const slug = uniqueSlug("person");
  return { email: `${slug}@example.com`, password: PASSWORD, name: "Ada", tenantName: `Tenant ${slug}`, ...change };
}

async function register(actions: Actions, change: Record<string, unknown> = {}): Promise<AuthPayload> {
  return authPayloadSchema.parse(await actions.succeed(registerUserAndTenant, "anonymous", registration(change)));
}

describe("registerUserAndTenant", () => {
  test("makes tenant, user, owner and session, and signs the owner in", async ({ db, actions, service }) => {
    const input = registration({ email: " Ada.Lovelace@Example.COM ", tenantSlug: "analytical-engines" });

    const output = authPayloadSchema.parse(await actions.succeed(registerUserAndTenant, "anonymous", input));

    const { rows } = await db.pool.query(
      `select u.email, u.name, u.last_tenant_id, t.slug, t.name as tenant, m.role, m.status, m.tenant_id
         from users u join memberships m on m.user_id = u.id join tenants t on t.id = m.tenant_id where u.id = $1`,
      [output.userId],
    );
    expect(rows).toEqual([
      {
        email: "ada.lovelace@example.com",
        name: "Ada",
        last_tenant_id: output.tenantId,
        slug: "analytical-engines",
        tenant: input.tenantName,
        role: "owner",
        status: "ACTIVE",
        tenant_id: output.tenantId,
      },
    ]);
    expect(output).toMatchObject({
      role: "owner",
      tenants: [{ tenantId: output.tenantId, slug: "analytical-engines", name: input.tenantName, role: "owner" }],
    });
    const { payload, protectedHeader } = await verified(service, output.accessToken);
    expect(protectedHeader).toMatchObject({ alg: "RS256", typ: "at+jwt" });
    expect(payload).toEqual({
      iss: "https://auth.test.example",
      aud: "control-plane",
      sub: output.userId,
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 900,
      jti: expect.any(String),
      "https://hasura.io/jwt/claims": {
        "x-hasura-allowed-roles": ["owner"],
        "x-hasura-default-role": "owner",
        "x-hasura-role": "owner",
        "x-hasura-user-id": output.userId,
        "x-hasura-tenant-id": output.tenantId,
      },
    });
  });

  test("stores an argon2id hash and the hash of the refresh token, never the secrets", async ({ db, actions }) => {
    const output = await register(actions);

    const user = await db.pool.query<{ password_hash: string }>("select password_hash from users where id = $1", [
      output.userId,
    ]);
    const token = await db.pool.query(
      `select s.tenant_id, r.token_hash, r.consumed_at from internal.refresh_tokens r
         join internal.sessions s on s.id = r.session_id where s.user_id = $1`,
      [output.userId],
    );
    expect(user.rows[0]?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(output.refreshToken).toMatch(/^rt_[A-Za-z0-9_-]{43}$/);
    expect(token.rows).toEqual([
      {
        tenant_id: output.tenantId,
        token_hash: createHash("sha256").update(output.refreshToken).digest(),
        consumed_at: null,
      },
    ]);
  });

  test("writes the trail of tenant, user, membership and session in the owner's name", async ({ db, actions }) => {
    const output = await register(actions);

    const { rows } = await db.pool.query<{ action: string; actor_id: string; changes: unknown }>(
      "select action, actor_id, changes from audit_events where tenant_id = $1 or target_id = $2 order by id",
      [output.tenantId, output.userId],
    );
    expect(rows.map(({ action }) => action).sort()).toEqual([
      "membership.created",
      "session.started",
      "tenant.created",
      "user.created",
    ]);
    expect(new Set(rows.map(({ actor_id }) => actor_id))).toEqual(new Set([output.userId]));
    expect(JSON.stringify(rows)).not.toContain(PASSWORD);
  });

  test("a slug made from the name gets a suffix where it is taken", async ({ actions }) => {
    const name = `Müller & Söhne ${uniqueSlug("x")}`;
    const first = await register(actions, { tenantName: name });
    const second = await register(actions, { tenantName: name });

    const [a, b] = [first, second].map(({ tenants }) => tenants[0]?.slug ?? "");
    expect(a).toMatch(/^muller-sohne-[a-z0-9-]+$/);
    expect(b).toMatch(new RegExp(`^${a}-[0-9a-f]{6}$`));
  });

  test.for([
    ["an e-mail that is none", { email: "ada" }, "email"],
    ["a blank name", { name: "   " }, "name"],
    ["a slug with capitals", { tenantSlug: "Acme" }, "tenantSlug"],
    ["a slug with a double hyphen", { tenantSlug: "a--b" }, "tenantSlug"],
    ["an unknown key", { admin: true }, ""],
    ["a number for a text", { tenantName: 7 }, "tenantName"],
  ] as const)("refuses %s", async ([, change, path], { db, actions }) => {
    const reply = await actions.call(registerUserAndTenant, "anonymous", registration(change));

    expect(reply).toBeRefused("BAD_INPUT");
    expect(reply).toMatchObject({ extensions: { issues: [expect.objectContaining({ path })] } });
    expect((await db.pool.query("select 1 from users")).rowCount).toBe(0);
  });

  test.for([
    ["short", "elevenchars", "shorter than 12"],
    ["long", "x1Y-".repeat(65), "longer than 256"],
    ["one character many times", "aaaaaaaaaaaa", "different characters"],
    ["twelve spaces", "            ", "different characters"],
    ["two characters in turn", "abababababab", "different characters"],
    ["common", "passwordpassword", "most common"],
    ["the e-mail", "grace@hopper.example", "e-mail"],
    ["the e-mail's local part", "a-long-local-part", "e-mail", "a-long-local-part@example.com"],
  ] as const)("refuses a password that is %s", async ([, password, reason, email], { db, actions }) => {
    const input = registration({ password, email: email ?? "grace@hopper.example" });

    const reply = await actions.call(registerUserAndTenant, "anonymous", input);

    expect(reply).toBeRefused("PASSWORD_REJECTED");
    expect(reply).toMatchObject({ message: expect.stringContaining(reason) });
    expect((await db.pool.query("select 1 from tenants")).rowCount).toBe(0);
  });

  test("a taken e-mail and a taken slug are refused and leave nothing behind", async ({ db, actions }) => {
    const first = registration({ tenantSlug: "first-come" });
    await actions.succeed(registerUserAndTenant, "anonymous", first);

    const sameEmail = await actions.call(
      registerUserAndTenant,
      "anonymous",
      registration({ email: first.email.toUpperCase() }),
    );
    const sameSlug = await actions.call(registerUserAndTenant, "anonymous", registration({ tenantSlug: "first-come" }));

    expect(sameEmail).toBeRefused("EMAIL_TAKEN");
    expect(sameSlug).toBeRefused("SLUG_TAKEN");
    const { rows } = await db.pool.query(
      "select (select count(*) from users)::int as users, (select count(*) from tenants)::int as tenants, (select count(*) from internal.sessions)::int as sessions",
    );
    expect(rows).toEqual([{ users: 1, tenants: 1, sessions: 1 }]);
  });

  test("ten at once with one e-mail make one account", async ({ db, actions }) => {
    const email = `${uniqueSlug("race")}@example.com`;

    const replies = await Promise.all(
      Array.from({ length: 10 }, () => actions.call(registerUserAndTenant, "anonymous", registration({ email }))),
    );

    expect(replies.filter(({ outcome }) => outcome === "done")).toHaveLength(1);
    for (const reply of replies) if (reply.outcome === "refused") expect(reply).toBeRefused("EMAIL_TAKEN");
    const { rows } = await db.pool.query("select count(*)::int as tenants from tenants");
    expect(rows).toEqual([{ tenants: 1 }]);
  });

  test("a call without Hasura's secret is refused before anything is read", async ({ db, actions }) => {
    const without = await actions.call(registerUserAndTenant, "anonymous", registration(), { secret: null });
    const wrong = await actions.call(registerUserAndTenant, "anonymous", registration(), { secret: "another secret" });

    expect(without).toBeRefused("UNAUTHENTICATED");
    expect(wrong).toBeRefused("UNAUTHENTICATED");
    expect((await db.pool.query("select 1 from users")).rowCount).toBe(0);
  });

  test("direct HTTP does the same, needs no secret and records where it came from", async ({ db, service }) => {
    const reply = await post(service, "/auth/register", registration(), { "user-agent": "a browser" });

    expect(reply.status).toBe(200);
    expect(reply.headers["cache-control"]).toBe("no-store");
    expect(reply.body).toMatchObject({ role: "owner", refreshToken: expect.stringMatching(/^rt_/) });
    const { rows } = await db.pool.query("select host(ip) as ip, user_agent from internal.sessions");
    expect(rows).toEqual([{ ip: "127.0.0.1", user_agent: "a browser" }]);
  });
});
