import { randomUUID } from "node:crypto";
import { hashToken } from "@control-plane/crypto";
import type { TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { resendInvitation } from "../src/actions/resend-invitation.ts";
import { revokeInvitation } from "../src/actions/revoke-invitation.ts";
import { invite, queuedInvitation } from "./invitation-mail.ts";
import { test } from "./service.ts";

const NEW = "grace@example.com";

async function letAMinutePass({ pool }: TestDatabase): Promise<void> {
  await pool.query("update invitations set last_sent_at = last_sent_at - interval '60 seconds'");
}

describe("resendInvitation", () => {
  test.for(["owner", "admin"] as const)(
    "an %s who did not invite sends a new link, and the old one dies",
    async (role, { world, actions, service: { deps }, db }) => {
      const acme = await world.tenant();
      const [inviter, other] = [await acme.user("owner"), await acme.user(role)];
      const { invitationId, token } = await invite({ actions, deps, db }, inviter, NEW);
      await letAMinutePass(db);
      await db.pool.query("update invitations set expires_at = now() + interval '1 hour'");

      const output = await actions.succeed(resendInvitation, other, { invitationId });

      const mail = await queuedInvitation(deps, db, NEW);
      expect(mail).toMatchObject({ inviterName: other.name, expiresAt: output.expiresAt });
      expect(mail.token).not.toBe(token);
      expect(await acme.invitations()).toEqual([
        expect.objectContaining({
          id: invitationId,
          tokenHash: hashToken(mail.token),
          sentCount: 2,
          status: "PENDING",
        }),
      ]);
      const { rows } = await db.pool.query(
        "select expires_at > now() + interval '6 days 23 hours' as anew from invitations",
      );
      expect(rows).toEqual([{ anew: true }]);
      expect((await acme.audit()).map(({ action, actorId }) => [action, actorId])).toContainEqual([
        "invitation.updated",
        other.id,
      ]);
    },
  );

  test("a mail that still waits with the old link is not sent any more", async ({
    world,
    actions,
    service: { deps },
    db,
  }) => {
    const owner = await (await world.tenant()).user("owner");
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    await letAMinutePass(db);

    await actions.succeed(resendInvitation, owner, { invitationId });

    const { rows } = await db.pool.query(
      "select status, last_error, payload_cipher is null as emptied from internal.emails order by id",
    );
    expect(rows).toEqual([
      { status: "FAILED", last_error: "SUPERSEDED", emptied: true },
      { status: "QUEUED", last_error: null, emptied: false },
    ]);
  });

  test("an invitation that nobody answered in time is open again", async ({
    world,
    actions,
    service: { deps },
    db,
  }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    await db.pool.query(
      "update invitations set expires_at = now() - interval '1 day', last_sent_at = now() - interval '8 days'",
    );

    await actions.succeed(resendInvitation, owner, { invitationId });

    const { rows } = await db.pool.query("select status, expires_at > now() as open from invitations");
    expect(rows).toEqual([{ status: "PENDING", open: true }]);
  });

  test.for([
    ["nothing", {}],
    ["no uuid", { invitationId: "x" }],
    ["an unknown key", { invitationId: randomUUID(), email: NEW }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const owner = await (await world.tenant()).user("owner");

    expect(await actions.call(resendInvitation, owner, input)).toBeRefused("BAD_INPUT");
  });

  test.for(["builder", "viewer"] as const)("a %s may not", async (role, { world, actions, service: { deps }, db }) => {
    const acme = await world.tenant();
    const [owner, member] = [await acme.user("owner"), await acme.user(role)];
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    await letAMinutePass(db);

    expect(await actions.call(resendInvitation, member, { invitationId })).toBeRefused("FORBIDDEN");
    expect((await acme.invitations()).map(({ sentCount }) => sentCount)).toEqual([1]);
  });

  test("an invitation of another tenant and an unknown one are not found alike", async ({
    world,
    actions,
    service: { deps },
    db,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [owner, other] = [await acme.user("owner"), await globex.user("owner")];
    const { invitationId } = await invite({ actions, deps, db }, other, NEW);
    await letAMinutePass(db);

    const foreign = await actions.call(resendInvitation, owner, { invitationId });
    const unknown = await actions.call(resendInvitation, owner, { invitationId: randomUUID() });

    expect(foreign).toBeRefused("NOT_FOUND");
    expect({ ...foreign, extensions: {} }).toEqual({ ...unknown, extensions: {} });
    expect((await globex.invitations()).map(({ sentCount }) => sentCount)).toEqual([1]);
  });

  test("within a minute it is refused, with the seconds that are left", async ({
    world,
    actions,
    service: { deps },
    db,
  }) => {
    const owner = await (await world.tenant()).user("owner");
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    await db.pool.query("update invitations set last_sent_at = now() - interval '20 seconds'");

    const reply = await actions.call(resendInvitation, owner, { invitationId });

    expect(reply).toBeRefused("RATE_LIMITED");
    expect(reply).toMatchObject({ status: 429, extensions: { retryAfterSeconds: expect.any(Number) } });
    expect((await db.pool.query("select 1 from internal.emails")).rowCount).toBe(1);
  });

  test("of ten at once one sends", async ({ world, actions, service: { deps }, db }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    await letAMinutePass(db);

    const replies = await Promise.all(
      Array.from({ length: 10 }, () => actions.call(resendInvitation, owner, { invitationId })),
    );

    const codes = replies.map((reply) => (reply.outcome === "refused" ? reply.code : "done")).sort();
    expect(codes).toEqual([...Array.from({ length: 9 }, () => "RATE_LIMITED"), "done"]);
    expect((await acme.invitations()).map(({ sentCount }) => sentCount)).toEqual([2]);
  });

  test("after five times it is refused for good", async ({ world, actions, service: { deps }, db }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    for (let times = 0; times < 5; times++) {
      await letAMinutePass(db);
      await actions.succeed(resendInvitation, owner, { invitationId });
    }
    await letAMinutePass(db);

    const sixth = await actions.call(resendInvitation, owner, { invitationId });

    expect(sixth).toBeRefused("CONFLICT");
    expect((await acme.invitations()).map(({ sentCount }) => sentCount)).toEqual([6]);
  });

  test.for(["ACCEPTED", "DECLINED", "REVOKED", "EXPIRED"])(
    "one that is %s is refused",
    async (status, { world, actions, service: { deps }, db }) => {
      const owner = await (await world.tenant()).user("owner");
      const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
      await letAMinutePass(db);
      await db.pool.query("update invitations set status = $1::invitation_status", [status]);

      expect(await actions.call(resendInvitation, owner, { invitationId })).toBeRefused("CONFLICT");
      expect((await db.pool.query("select 1 from internal.emails")).rowCount).toBe(1);
    },
  );
});

describe("revokeInvitation", () => {
  test.for(["owner", "admin"] as const)("an %s may", async (role, { world, actions, service: { deps }, db }) => {
    const acme = await world.tenant();
    const [inviter, other] = [await acme.user("owner"), await acme.user(role)];
    const { invitationId } = await invite({ actions, deps, db }, inviter, NEW);

    const output = await actions.succeed(revokeInvitation, other, { invitationId });

    expect(output).toEqual({ ok: true });
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["REVOKED"]);
    expect((await acme.audit()).filter(({ action }) => action === "invitation.updated")).toEqual([
      expect.objectContaining({ actorId: other.id, changes: { status: { old: "PENDING", new: "REVOKED" } } }),
    ]);
  });

  test.for([
    ["nothing", {}],
    ["no uuid", { invitationId: 7 }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const owner = await (await world.tenant()).user("owner");

    expect(await actions.call(revokeInvitation, owner, input)).toBeRefused("BAD_INPUT");
  });

  test.for(["builder", "viewer"] as const)("a %s may not", async (role, { world, actions, service: { deps }, db }) => {
    const acme = await world.tenant();
    const [owner, member] = [await acme.user("owner"), await acme.user(role)];
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);

    expect(await actions.call(revokeInvitation, member, { invitationId })).toBeRefused("FORBIDDEN");
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
  });

  test("an invitation of another tenant and an unknown one are not found alike", async ({
    world,
    actions,
    service: { deps },
    db,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [owner, other] = [await acme.user("owner"), await globex.user("owner")];
    const { invitationId } = await invite({ actions, deps, db }, other, NEW);

    const foreign = await actions.call(revokeInvitation, owner, { invitationId });
    const unknown = await actions.call(revokeInvitation, owner, { invitationId: randomUUID() });

    expect(foreign).toBeRefused("NOT_FOUND");
    expect({ ...foreign, extensions: {} }).toEqual({ ...unknown, extensions: {} });
    expect((await globex.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
  });

  test("a second time it is a conflict, and the address may be invited anew", async ({
    world,
    actions,
    service: { deps },
    db,
  }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    const { invitationId } = await invite({ actions, deps, db }, owner, NEW);
    await actions.succeed(revokeInvitation, owner, { invitationId });

    const again = await actions.call(revokeInvitation, owner, { invitationId });
    await invite({ actions, deps, db }, owner, NEW);

    expect(again).toBeRefused("CONFLICT");
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["REVOKED", "PENDING"]);
  });
});
