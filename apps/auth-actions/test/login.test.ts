import { hashPassword } from "@control-plane/crypto";
import type { Actions, TestUser } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { login } from "../src/actions/login.ts";
import { type AuthPayload, authPayloadSchema } from "../src/domain/sessions.ts";
import { holdRow, waitForWaiters } from "./held-rows.ts";
import { post, test, verified } from "./service.ts";

/** Of TEST_PASSWORD, with m = 8,192 KiB and t = 1. */
const WEAK_HASH = "$argon2id$v=19$m=8192,t=1,p=1$pgnr7f14kuxsv7GfTphu5g$KTKpYWGl050qmajCorN7dzgWuXwQ8LN+8LFA9eGsIx8";

async function signIn(actions: Actions, user: TestUser, change: Record<string, unknown> = {}): Promise<AuthPayload> {
  const input = { email: user.email, password: user.password, ...change };
  return authPayloadSchema.parse(await actions.succeed(login, "anonymous", input));
}

describe("login", () => {
  test.for(["owner", "admin", "builder", "viewer"] as const)(
    "signs an %s in with exactly one role, and none of them is Hasura's admin",
    async (role, { world, actions, service }) => {
      const acme = await world.tenant();
      const user = await acme.user(role);

      const output = await signIn(actions, user);

      const { payload } = await verified(service, output.accessToken);
      const claimed = role === "admin" ? "tenant_admin" : role;
      expect(output).toMatchObject({ userId: user.id, tenantId: acme.id, role });
      expect(payload["https://hasura.io/jwt/claims"]).toEqual({
        "x-hasura-allowed-roles": [claimed],
        "x-hasura-default-role": claimed,
        "x-hasura-role": claimed,
        "x-hasura-user-id": user.id,
        "x-hasura-tenant-id": acme.id,
      });
    },
  );

  test("an unknown e-mail and a wrong password get the same bytes and open no session", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const attempt = (email: string) =>
      post(service, "/auth/login", { email, password: "not the password" }, { "x-request-id": "same-for-both" });

    const wrong = await attempt(user.email);
    const unknown = await attempt("nobody@example.com");

    expect([wrong.status, wrong.code]).toEqual([401, "INVALID_CREDENTIALS"]);
    expect([unknown.status, unknown.text]).toEqual([wrong.status, wrong.text]);
    expect(await actions.call(login, "anonymous", { email: user.email, password: "x" })).toBeRefused(
      "INVALID_CREDENTIALS",
    );
    expect((await db.pool.query("select 1 from internal.sessions")).rowCount).toBe(0);
  });

  test("a wrong password is audited in the user's last tenant, an unknown e-mail nowhere", async ({
    db,
    world,
    service,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");

    await post(service, "/auth/login", { email: user.email, password: "not the password" });
    await post(service, "/auth/login", { email: "nobody@example.com", password: "not the password" });

    const { rows } = await db.pool.query(
      "select tenant_id, target_type, target_id, outcome, source from audit_events where action = 'session.denied'",
    );
    expect(rows).toEqual([
      { tenant_id: acme.id, target_type: "users", target_id: user.id, outcome: "DENIED", source: "auth-actions" },
    ]);
  });

  test("the tenant is the named one, the only one, or the last one", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("owner");
    await globex.user("viewer", { existing: ann });

    const named = await signIn(actions, ann, { tenantSlug: globex.slug });
    const last = await signIn(actions, ann);
    const back = await signIn(actions, ann, { tenantSlug: acme.slug });

    expect([named, last, back].map(({ tenantId, role }) => [tenantId, role])).toEqual([
      [globex.id, "viewer"],
      [globex.id, "viewer"],
      [acme.id, "owner"],
    ]);
    expect(back.tenants).toEqual([
      { tenantId: acme.id, slug: acme.slug, name: acme.name, role: "owner" },
      { tenantId: globex.id, slug: globex.slug, name: globex.name, role: "viewer" },
    ]);
  });

  test("without a last tenant among several the choices are told, to the right password only", async ({
    db,
    world,
    actions,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("owner");
    await globex.user("viewer", { existing: ann });
    await db.pool.query("update users set last_tenant_id = null where id = $1", [ann.id]);

    const right = await actions.call(login, "anonymous", { email: ann.email, password: ann.password });
    const wrong = await actions.call(login, "anonymous", { email: ann.email, password: "not the password" });

    expect(right).toBeRefused("TENANT_SELECTION_REQUIRED");
    expect(right).toMatchObject({
      status: 409,
      extensions: { tenants: [{ slug: acme.slug }, { slug: globex.slug }] },
    });
    expect(wrong).toBeRefused("INVALID_CREDENTIALS");
  });

  test("a foreign tenant, a tenant that was left and a user without any are refused alike", async ({
    db,
    world,
    actions,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    await acme.user("owner");
    const ann = await acme.user("builder");
    const credentials = { email: ann.email, password: ann.password };

    const foreign = await actions.call(login, "anonymous", { ...credentials, tenantSlug: globex.slug });
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      ann.membershipId,
    ]);
    const left = await actions.call(login, "anonymous", { ...credentials, tenantSlug: acme.slug });
    const none = await actions.call(login, "anonymous", credentials);

    for (const reply of [foreign, left, none]) expect(reply).toBeRefused("INVALID_CREDENTIALS");
    expect((await db.pool.query("select 1 from internal.sessions")).rowCount).toBe(0);
  });

  test("a membership that ends while its user signs in opens no session", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    await acme.user("owner");
    const ann = await acme.user("builder");
    const removed = "update memberships set status = 'REMOVED', removed_at = now() where id = $1";
    const letGo = await holdRow(db.pool, "memberships", ann.membershipId, removed);

    const answer = actions.call(login, "anonymous", { email: ann.email, password: ann.password });
    await waitForWaiters(db.pool, 1);
    await letGo();

    expect(await answer).toBeRefused("INVALID_CREDENTIALS");
    expect((await db.pool.query("select 1 from internal.sessions")).rowCount).toBe(0);
  });

  test("a hash of weaker parameters is made anew, a present one stays", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const [old, present] = [await acme.user("builder"), await acme.user("viewer")];
    await db.pool.query("update users set password_hash = $1 where id = $2", [WEAK_HASH, old.id]);
    const hashOf = async (id: string) =>
      (await db.pool.query<{ hash: string }>("select password_hash as hash from users where id = $1", [id])).rows[0]
        ?.hash;
    const before = await hashOf(present.id);

    await signIn(actions, old);
    await signIn(actions, present);

    expect(await hashOf(old.id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await hashOf(present.id)).toBe(before);
    await signIn(actions, old);
  });

  test("a password is compared in its normal form", async ({ db, world, actions }) => {
    const user = await (await world.tenant()).user("builder");
    await db.pool.query("update users set password_hash = $1 where id = $2", [
      await hashPassword("ｆｕｌｌ width password".normalize("NFKC")),
      user.id,
    ]);

    const output = await signIn(actions, user, { password: "ｆｕｌｌ width password" });

    expect(output.userId).toBe(user.id);
  });

  test("each sign-in is a session of its own, on the trail of its tenant", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");

    const [first, second] = [await signIn(actions, user), await signIn(actions, user)];

    expect(first.refreshToken).not.toBe(second.refreshToken);
    expect((await db.pool.query("select 1 from internal.sessions where user_id = $1", [user.id])).rowCount).toBe(2);
    const started = (await acme.audit()).filter(({ action }) => action === "session.started");
    expect(started.map(({ actorId, tenantId }) => [actorId, tenantId])).toEqual([
      [user.id, acme.id],
      [user.id, acme.id],
    ]);
  });

  test.for([
    ["no password", { email: "a@example.com" }],
    ["an unknown key", { email: "a@example.com", password: "x", role: "owner" }],
    ["a list for an e-mail", { email: ["a@example.com"], password: "x" }],
    ["nothing", null],
  ] as const)("refuses %s as input", async ([, input], { actions }) => {
    expect(await actions.call(login, "anonymous", input)).toBeRefused("BAD_INPUT");
  });
});

describe("POST /auth/login", () => {
  test("answers as the action does and is never cached", async ({ world, service }) => {
    const user = await (await world.tenant()).user("builder");

    const reply = await post(service, "/auth/login", { email: user.email, password: user.password });

    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    expect(authPayloadSchema.parse(reply.body).userId).toBe(user.id);
  });

  test.for([
    ["a form", "email=a", { "content-type": "application/x-www-form-urlencoded" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["no content type", "{}", { "content-type": "" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["broken JSON", '{"email":', {}, 400, "BAD_INPUT"],
    ["an empty body", "", {}, 400, "BAD_INPUT"],
    ["17 KiB", JSON.stringify({ email: "a@b.cd", password: "x".repeat(17 * 1024) }), {}, 413, "PAYLOAD_TOO_LARGE"],
    ["__proto__ as a key", '{"__proto__": {"a": 1}, "email": "a@b.cd", "password": "x"}', {}, 400, "BAD_INPUT"],
  ] as const)("refuses %s", async ([, text, headers, status, code], { service }) => {
    const reply = await post(service, "/auth/login", text, headers);

    expect([reply.status, reply.code]).toEqual([status, code]);
  });

  test("a page of another origin may not call it, a listed one and with `loopback` every one of this machine may", async ({
    service,
  }) => {
    const preflight = (origin: string) =>
      service.server.inject({
        method: "OPTIONS",
        url: "/auth/login",
        headers: { origin, "access-control-request-method": "POST" },
      });

    const origins = [
      "https://app.example",
      "http://localhost:5173",
      "https://evil.example",
      "http://localhost.evil.example",
    ];
    const answers = await Promise.all(origins.map(preflight));

    expect(answers.map(({ headers }) => headers["access-control-allow-origin"])).toEqual([
      "https://app.example",
      "http://localhost:5173",
      undefined,
      undefined,
    ]);
  });
});
