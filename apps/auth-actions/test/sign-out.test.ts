import type { Actions, TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { logout } from "../src/actions/logout.ts";
import { logoutEverywhere } from "../src/actions/logout-everywhere.ts";
import { mySessions } from "../src/actions/my-sessions.ts";
import { refreshSession } from "../src/actions/refresh-session.ts";
import { revokeSession } from "../src/actions/revoke-session.ts";
import { post, test } from "./service.ts";
import { signIn } from "./sign-in.ts";

async function stillLives(actions: Actions, refreshToken: string): Promise<boolean> {
  return (await actions.call(refreshSession, "anonymous", { refreshToken })).outcome === "done";
}

async function sessionOf(db: TestDatabase, userId: string): Promise<string> {
  const { rows } = await db.pool.query<{ id: string }>("select id from internal.sessions where user_id = $1", [userId]);
  return rows[0]?.id ?? "";
}

describe("logout", () => {
  test("ends the session of the token, once, on the trail, and no other", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");
    const [one, other] = [await signIn(actions, user), await signIn(actions, user)];

    const replies = [];
    for (let times = 0; times < 2; times += 1)
      replies.push(await actions.succeed(logout, user, { refreshToken: one.refreshToken }));

    expect(replies).toEqual([{ ok: true }, { ok: true }]);
    expect(await stillLives(actions, one.refreshToken)).toBe(false);
    expect(await stillLives(actions, other.refreshToken)).toBe(true);
    const ended = (await acme.audit()).filter(({ action }) => action === "session.ended");
    expect(ended.map(({ changes }) => changes)).toEqual([{ reason: "LOGOUT" }]);
  });

  test("of a token nobody knows is done too; of none at all it is refused", async ({ world, actions }) => {
    const user = await (await world.tenant()).user("viewer");

    expect(await actions.succeed(logout, user, { refreshToken: "rt_unknown" })).toEqual({ ok: true });
    expect(await actions.call(logout, user, {})).toBeRefused("BAD_INPUT");
    expect(await actions.call(logout, "anonymous", { refreshToken: "rt_unknown" })).toBeRefused("FORBIDDEN");
  });

  test("over HTTP needs the refresh token alone", async ({ world, actions, service }) => {
    const user = await (await world.tenant()).user("viewer");
    const { refreshToken } = await signIn(actions, user);

    const reply = await post(service, "/auth/logout", { refreshToken });

    expect([reply.status, reply.body]).toEqual([200, { ok: true }]);
    expect(await stillLives(actions, refreshToken)).toBe(false);
  });
});

describe("logoutEverywhere", () => {
  test("ends the caller's sessions in all tenants, and nobody else's", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("builder");
    await globex.user("viewer", { existing: ann });
    const bob = await acme.user("builder");
    const tokens = [
      await signIn(actions, ann, { tenantSlug: acme.slug }),
      await signIn(actions, ann, { tenantSlug: globex.slug }),
    ];
    const kept = await signIn(actions, bob);

    const first = await actions.succeed(logoutEverywhere, ann, {});
    const second = await actions.succeed(logoutEverywhere, ann, {});

    expect([first, second]).toEqual([{ ended: 2 }, { ended: 0 }]);
    for (const { refreshToken } of tokens) expect(await stillLives(actions, refreshToken)).toBe(false);
    expect(await stillLives(actions, kept.refreshToken)).toBe(true);
    for (const tenant of [acme, globex])
      expect(await tenant.audit()).toContainEqual(
        expect.objectContaining({ action: "session.ended", changes: { reason: "LOGOUT_EVERYWHERE" }, actorId: ann.id }),
      );
  });

  test("over HTTP needs a bearer token, and takes no input", async ({ world, actions, service }) => {
    const user = await (await world.tenant()).user("builder");
    const { accessToken } = await signIn(actions, user);
    const authorization = `Bearer ${accessToken}`;

    const without = await post(service, "/auth/logout-everywhere", {});
    const withInput = await post(service, "/auth/logout-everywhere", { userId: user.id }, { authorization });
    const reply = await post(service, "/auth/logout-everywhere", {}, { authorization });

    expect([without.status, withInput.code, reply.body]).toEqual([401, "BAD_INPUT", { ended: 1 }]);
  });
});

describe("mySessions", () => {
  test("shows the caller's open sessions with where they began, latest use first", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");
    await signIn(actions, await acme.user("owner"));
    const old = await signIn(actions, user);
    await post(
      service,
      "/auth/login",
      { email: user.email, password: user.password },
      { "user-agent": "a browser", "x-forwarded-for": "198.51.100.9" },
    );
    const gone = await signIn(actions, user);
    await actions.succeed(logout, user, { refreshToken: gone.refreshToken });
    await db.pool.query("update internal.sessions set last_used_at = now() - interval '1 hour' where ip is null");
    await actions.succeed(refreshSession, "anonymous", { refreshToken: old.refreshToken });

    const sessions = await actions.succeed(mySessions, user, {});

    expect(sessions).toEqual([
      expect.objectContaining({ tenantId: acme.id, ip: null, userAgent: null }),
      expect.objectContaining({ tenantId: acme.id, ip: "127.0.0.1", userAgent: "a browser" }),
    ]);
    expect(JSON.stringify(sessions)).not.toMatch(/rt_|hash/);
  });

  test("leaves out what no token can continue", async ({ db, world, actions }) => {
    const user = await (await world.tenant()).user("viewer");
    await signIn(actions, user);
    await signIn(actions, user);
    await db.pool.query(`update internal.sessions set last_used_at = now() - interval '31 days' where id = $1`, [
      await sessionOf(db, user.id),
    ]);

    expect(await actions.succeed(mySessions, user, {})).toHaveLength(1);
  });
});

describe("revokeSession", () => {
  test("ends one session of the caller, also when it was ended before", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");
    const { refreshToken } = await signIn(actions, user);
    const sessionId = await sessionOf(db, user.id);

    const replies = [];
    for (let times = 0; times < 2; times += 1) replies.push(await actions.succeed(revokeSession, user, { sessionId }));

    expect(replies).toEqual([{ ok: true }, { ok: true }]);
    expect(await stillLives(actions, refreshToken)).toBe(false);
    const ended = (await acme.audit()).filter(({ action }) => action === "session.ended");
    expect(ended.map(({ changes }) => changes)).toEqual([{ reason: "REVOKED" }]);
  });

  test("finds no session of others, of whatever role and tenant, and none that is unknown", async ({
    db,
    world,
    actions,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const owner = await acme.user("owner");
    const [colleague, stranger] = [await acme.user("viewer"), await globex.user("viewer")];
    const tokens = [await signIn(actions, colleague), await signIn(actions, stranger)];

    for (const sessionId of [await sessionOf(db, colleague.id), await sessionOf(db, stranger.id), owner.id])
      expect(await actions.call(revokeSession, owner, { sessionId })).toBeRefused("NOT_FOUND");

    expect(await actions.call(revokeSession, owner, { sessionId: "all" })).toBeRefused("BAD_INPUT");
    for (const { refreshToken } of tokens) expect(await stillLives(actions, refreshToken)).toBe(true);
  });
});
