import { createHash } from "node:crypto";
import type { Actions, TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { refreshSession } from "../src/actions/refresh-session.ts";
import { type AuthPayload, authPayloadSchema } from "../src/domain/sessions.ts";
import { post, test, verified } from "./service.ts";
import { signIn } from "./sign-in.ts";

const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest();

async function refresh(actions: Actions, refreshToken: string): Promise<AuthPayload> {
  return authPayloadSchema.parse(await actions.succeed(refreshSession, "anonymous", { refreshToken }));
}

/** As if the token had been used so many seconds earlier. */
async function usedUpBefore(db: TestDatabase, token: string, seconds: number): Promise<void> {
  await db.pool.query(
    "update internal.refresh_tokens set consumed_at = consumed_at - make_interval(secs => $2) where token_hash = $1",
    [hashOf(token), seconds],
  );
}

async function sessionsOf(db: TestDatabase) {
  const { rows } = await db.pool.query<{ ended: boolean; reason: string | null; tokens: number }>(
    `select s.ended_at is not null as ended, s.end_reason as reason, count(t.id)::int as tokens
       from internal.sessions s join internal.refresh_tokens t on t.session_id = s.id group by s.id order by s.id`,
  );
  return rows;
}

describe("a refresh", () => {
  test("uses the token up, gives a new pair, and stays in the family", async ({ db, world, actions, service }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const first = await signIn(actions, user);

    const second = await refresh(actions, first.refreshToken);

    const { payload } = await verified(service, second.accessToken);
    expect(second).toMatchObject({ userId: user.id, tenantId: acme.id, role: "builder", tenants: first.tenants });
    expect(payload.sub).toBe(user.id);
    expect(second.refreshToken).toMatch(/^rt_[\w-]{43}$/);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await sessionsOf(db)).toEqual([{ ended: false, reason: null, tokens: 2 }]);
  });

  test("shows a role that changed meanwhile", async ({ db, world, actions }) => {
    const user = await (await world.tenant()).user("builder");
    const { refreshToken } = await signIn(actions, user);
    await db.pool.query("update memberships set role = 'viewer' where id = $1", [user.membershipId]);

    const refreshed = await refresh(actions, refreshToken);

    expect(refreshed.role).toBe("viewer");
  });

  test("lasts 30 days from the last use, but no longer than its session", async ({ db, world, actions }) => {
    const user = await (await world.tenant()).user("builder");
    const { refreshToken } = await signIn(actions, user);
    await db.pool.query("update internal.sessions set expires_at = now() + interval '3 days'");

    await refresh(actions, refreshToken);

    const { rows } = await db.pool.query<{ days: number }>(
      "select round(extract(epoch from expires_at - now()) / 86400)::int as days from internal.refresh_tokens order by id",
    );
    expect(rows.map(({ days }) => days)).toEqual([30, 3]);
  });

  test("over HTTP is the same and is never cached", async ({ world, actions, service }) => {
    const user = await (await world.tenant()).user("builder");
    const { refreshToken } = await signIn(actions, user);

    const reply = await post(service, "/auth/refresh", { refreshToken });

    expect(reply.status).toBe(200);
    expect(reply.headers["cache-control"]).toBe("no-store");
    expect(authPayloadSchema.parse(reply.body)).toMatchObject({ userId: user.id, role: "builder" });
  });
});

test.for([
  ["no token", {}],
  ["an empty one", { refreshToken: "" }],
  ["a number", { refreshToken: 7 }],
  ["one of 257 characters", { refreshToken: "x".repeat(257) }],
  ["an unknown key", { refreshToken: "rt_x", tenantId: "x" }],
] as const)("refuses %s as input", async ([, input], { actions }) => {
  expect(await actions.call(refreshSession, "anonymous", input)).toBeRefused("BAD_INPUT");
});

describe("one refusal", () => {
  test("for a token nobody issued, an expired one, and those of a session that expired or ended", async ({
    db,
    world,
    actions,
  }) => {
    const user = await (await world.tenant()).user("builder");
    const tokens = [];
    for (const change of [
      "update internal.refresh_tokens set expires_at = now() - interval '1 second' where token_hash = $1",
      `update internal.sessions set expires_at = now() - interval '1 second'
        where id = (select session_id from internal.refresh_tokens where token_hash = $1)`,
      `update internal.sessions set ended_at = now(), end_reason = 'LOGOUT'
        where id = (select session_id from internal.refresh_tokens where token_hash = $1)`,
    ]) {
      const { refreshToken } = await signIn(actions, user);
      await db.pool.query(change, [hashOf(refreshToken)]);
      tokens.push(refreshToken);
    }

    const replies = [];
    for (const refreshToken of ["rt_nobody-issued-this", ...tokens])
      replies.push(await actions.call(refreshSession, "anonymous", { refreshToken }));

    for (const reply of replies) expect(reply).toBeRefused("SESSION_EXPIRED");
    expect(new Set(replies.map((reply) => (reply.outcome === "refused" ? reply.message : "")))).toHaveLength(1);
  });

  test("for whoever is no member any more, and the session ends", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { refreshToken } = await signIn(actions, user);
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      user.membershipId,
    ]);

    const reply = await actions.call(refreshSession, "anonymous", { refreshToken });

    expect(reply).toBeRefused("SESSION_EXPIRED");
    expect(await sessionsOf(db)).toEqual([{ ended: true, reason: "MEMBERSHIP_REMOVED", tokens: 1 }]);
    expect(await acme.audit()).toContainEqual(
      expect.objectContaining({ action: "session.ended", changes: { reason: "MEMBERSHIP_REMOVED" } }),
    );
  });
});

describe("a token presented again", () => {
  test("within 30 s gives a sibling, and both children live", async ({ db, world, actions }) => {
    const user = await (await world.tenant()).user("builder");
    const { refreshToken } = await signIn(actions, user);
    const first = await refresh(actions, refreshToken);
    await usedUpBefore(db, refreshToken, 28);

    const second = await refresh(actions, refreshToken);

    await refresh(actions, first.refreshToken);
    await refresh(actions, second.refreshToken);
    expect(await sessionsOf(db)).toEqual([{ ended: false, reason: null, tokens: 5 }]);
  });

  test("after 30 s ends the family, every token of it, and is on the trail", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const other = await signIn(actions, user);
    const { refreshToken } = await signIn(actions, user);
    const child = await refresh(actions, refreshToken);
    await usedUpBefore(db, refreshToken, 31);

    const reused = await actions.call(refreshSession, "anonymous", { refreshToken });

    expect(reused).toBeRefused("SESSION_EXPIRED");
    expect(await actions.call(refreshSession, "anonymous", { refreshToken: child.refreshToken })).toBeRefused(
      "SESSION_EXPIRED",
    );
    expect((await sessionsOf(db)).map(({ reason }) => reason)).toEqual([null, "REUSE"]);
    const trail = (await acme.audit()).filter(({ targetType }) => targetType === "sessions");
    expect(trail.map(({ action }) => action).slice(-2)).toEqual(["session.ended", "session.reuse_detected"]);
    await refresh(actions, other.refreshToken);
  });

  test("fifty at once all succeed in one family; the fifty-first of the same token ends it", async ({
    db,
    world,
    actions,
  }) => {
    const user = await (await world.tenant()).user("builder");
    const { refreshToken } = await signIn(actions, user);

    const replies = await Promise.all(Array.from({ length: 50 }, () => refresh(actions, refreshToken)));

    expect(new Set(replies.map((reply) => reply.refreshToken)).size).toBe(50);
    expect(await sessionsOf(db)).toEqual([{ ended: false, reason: null, tokens: 51 }]);
    const next = await Promise.all(replies.slice(0, 5).map((reply) => refresh(actions, reply.refreshToken)));
    expect(next).toHaveLength(5);
    expect(await actions.call(refreshSession, "anonymous", { refreshToken })).toBeRefused("SESSION_EXPIRED");
    expect((await sessionsOf(db)).map(({ reason }) => reason)).toEqual(["REUSE"]);
  });

  test("at two replicas at once succeeds at both", async ({ db, world, actions, service, secondService }) => {
    const user = await (await world.tenant()).user("builder");
    const { refreshToken } = await signIn(actions, user);

    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        post(index % 2 === 0 ? service : secondService, "/auth/refresh", { refreshToken }),
      ),
    );

    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await sessionsOf(db)).toEqual([{ ended: false, reason: null, tokens: 21 }]);
  });
});

test("a failing look-up issues nothing and uses nothing up", async ({ db, world, actions }) => {
  const user = await (await world.tenant()).user("builder");
  const { refreshToken } = await signIn(actions, user);
  await db.pool.query("revoke select on memberships from cp_auth");

  const failed = await actions.call(refreshSession, "anonymous", { refreshToken });
  await db.pool.query("grant select on memberships to cp_auth");

  expect(failed).toMatchObject({ outcome: "refused", status: 500 });
  expect(JSON.stringify(failed)).not.toMatch(/eyJ|rt_/);
  expect(await sessionsOf(db)).toEqual([{ ended: false, reason: null, tokens: 1 }]);
  await refresh(actions, refreshToken);
});
