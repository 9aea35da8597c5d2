import { randomUUID } from "node:crypto";
import type { Actions, TestDatabase, TestTenant, TestUser } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { leaveTenant } from "../src/actions/leave-tenant.ts";
import { login } from "../src/actions/login.ts";
import { removeMember } from "../src/actions/remove-member.ts";
import { test } from "./service.ts";

async function statusOf(tenant: TestTenant, { membershipId }: TestUser) {
  const row = (await tenant.memberships()).find(({ id }) => id === membershipId);
  return row?.status;
}

async function signIn(actions: Actions, { email, password }: TestUser, tenant: TestTenant): Promise<void> {
  await actions.succeed(login, "anonymous", { email, password, tenantSlug: tenant.slug });
}

async function openSessions({ pool }: TestDatabase, user: TestUser): Promise<string[]> {
  const { rows } = await pool.query<{ tenant_id: string }>(
    "select tenant_id from internal.sessions where user_id = $1 and ended_at is null",
    [user.id],
  );
  return rows.map((row) => row.tenant_id);
}

describe("removeMember", () => {
  test.for([
    ["owner", "owner"],
    ["owner", "admin"],
    ["admin", "admin"],
    ["admin", "viewer"],
  ] as const)("an %s may remove an %s", async ([callerRole, role], { world, actions }) => {
    const acme = await world.tenant();
    await acme.user("owner");
    const [caller, member] = [await acme.user(callerRole), await acme.user(role)];

    const output = await actions.succeed(removeMember, caller, { membershipId: member.membershipId });

    expect(output).toEqual({ ok: true });
    expect(await statusOf(acme, member)).toBe("REMOVED");
    expect((await acme.audit()).filter(({ action }) => action === "membership.updated")).toEqual([
      expect.objectContaining({
        actorId: caller.id,
        targetId: member.membershipId,
        changes: { status: { old: "ACTIVE", new: "REMOVED" } },
      }),
    ]);
  });

  test("ends the member's sessions of this tenant, each on the trail, and no other", async ({ world, actions, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [owner, other] = [await acme.user("owner"), await acme.user("viewer")];
    const member = await acme.user("builder");
    await globex.user("viewer", { existing: member });
    for (const tenant of [acme, acme, globex]) await signIn(actions, member, tenant);
    await signIn(actions, other, acme);

    await actions.succeed(removeMember, owner, { membershipId: member.membershipId });

    expect(await openSessions(db, member)).toEqual([globex.id]);
    expect(await openSessions(db, other)).toEqual([acme.id]);
    const ended = (await acme.audit()).filter(({ action }) => action === "session.ended");
    expect(ended).toHaveLength(2);
    expect(ended).toEqual(
      ended.map(() => expect.objectContaining({ actorId: owner.id, changes: { reason: "MEMBERSHIP_REMOVED" } })),
    );
  });

  test.for([
    ["nothing", {}],
    ["no uuid", { membershipId: "'; --" }],
    ["an unknown key", { membershipId: randomUUID(), force: true }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const owner = await (await world.tenant()).user("owner");

    expect(await actions.call(removeMember, owner, input)).toBeRefused("BAD_INPUT");
  });

  test.for(["builder", "viewer"] as const)("a %s may not", async (role, { world, actions }) => {
    const acme = await world.tenant();
    const [caller, member] = [await acme.user(role), await acme.user("viewer")];

    const reply = await actions.call(removeMember, caller, { membershipId: member.membershipId });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await statusOf(acme, member)).toBe("ACTIVE");
  });

  test("an admin may not remove an owner, and the try is audited", async ({ world, actions, db }) => {
    const acme = await world.tenant();
    const [admin, owner] = [await acme.user("admin"), await acme.user("owner")];
    await acme.user("owner");
    await signIn(actions, owner, acme);

    const reply = await actions.call(removeMember, admin, { membershipId: owner.membershipId });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await statusOf(acme, owner)).toBe("ACTIVE");
    expect(await openSessions(db, owner)).toEqual([acme.id]);
    expect((await acme.audit()).filter(({ outcome }) => outcome === "DENIED")).toEqual([
      expect.objectContaining({ action: "removeMember.denied", actorId: admin.id }),
    ]);
  });

  test("a member of another tenant and an unknown one are not found alike", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [owner, stranger] = [await acme.user("owner"), await globex.user("viewer")];

    const foreign = await actions.call(removeMember, owner, { membershipId: stranger.membershipId });
    const unknown = await actions.call(removeMember, owner, { membershipId: randomUUID() });

    expect(foreign).toBeRefused("NOT_FOUND");
    expect({ ...foreign, extensions: {} }).toEqual({ ...unknown, extensions: {} });
    expect(await statusOf(globex, stranger)).toBe("ACTIVE");
  });

  test("somebody who is removed already is not found", async ({ world, actions }) => {
    const acme = await world.tenant();
    const [owner, member] = [await acme.user("owner"), await acme.user("viewer")];
    await actions.succeed(removeMember, owner, { membershipId: member.membershipId });

    const again = await actions.call(removeMember, owner, { membershipId: member.membershipId });

    expect(again).toBeRefused("NOT_FOUND");
    expect((await acme.audit()).filter(({ action }) => action === "membership.updated")).toHaveLength(1);
  });

  test("whoever was removed does nothing more with the token he has", async ({ world, actions }) => {
    const acme = await world.tenant();
    const [owner, admin] = [await acme.user("owner"), await acme.user("admin")];
    await actions.succeed(removeMember, owner, { membershipId: admin.membershipId });

    const reply = await actions.call(removeMember, admin, { membershipId: owner.membershipId });

    expect(reply).toBeRefused("FORBIDDEN");
  });
});

describe("leaveTenant", () => {
  test.for(["owner", "admin", "builder", "viewer"] as const)(
    "an %s may leave",
    async (role, { world, actions, db }) => {
      const acme = await world.tenant();
      await acme.user("owner");
      const member = await acme.user(role);
      await signIn(actions, member, acme);

      const output = await actions.succeed(leaveTenant, member, {});

      expect(output).toEqual({ ok: true });
      expect(await statusOf(acme, member)).toBe("REMOVED");
      expect(await openSessions(db, member)).toEqual([]);
      const actors = (await acme.audit())
        .filter(({ action }) => ["membership.updated", "session.ended"].includes(action))
        .map(({ action, actorId }) => [action, actorId]);
      expect(actors).toEqual([
        ["membership.updated", member.id],
        ["session.ended", member.id],
      ]);
    },
  );

  test("takes no input", async ({ world, actions }) => {
    const member = await (await world.tenant()).user("viewer");

    expect(await actions.call(leaveTenant, member, { userId: member.id })).toBeRefused("BAD_INPUT");
  });

  test("nobody leaves a tenant he is not in", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const member = await acme.user("viewer");

    const reply = await actions.call(leaveTenant, { ...member, tenantId: globex.id }, {});

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await statusOf(acme, member)).toBe("ACTIVE");
  });

  test("the last owner stays, with his sessions", async ({ world, actions, db }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    await acme.user("admin");
    await signIn(actions, owner, acme);

    const reply = await actions.call(leaveTenant, owner, {});

    expect(reply).toBeRefused("LAST_OWNER");
    expect(await statusOf(acme, owner)).toBe("ACTIVE");
    expect(await openSessions(db, owner)).toEqual([acme.id]);
    expect((await acme.audit()).map(({ action }) => action)).not.toContain("session.ended");
  });

  test("whoever left may not leave again", async ({ world, actions }) => {
    const member = await (await world.tenant()).user("viewer");
    await actions.succeed(leaveTenant, member, {});

    expect(await actions.call(leaveTenant, member, {})).toBeRefused("FORBIDDEN");
  });
});
