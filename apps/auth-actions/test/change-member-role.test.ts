import { randomUUID } from "node:crypto";
import type { TestTenant, TestUser } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { changeMemberRole } from "../src/actions/change-member-role.ts";
import { test } from "./service.ts";

async function rolesOf(tenant: TestTenant, ...users: TestUser[]): Promise<(string | undefined)[]> {
  const rows = await tenant.memberships();
  return users.map(({ membershipId }) => rows.find(({ id }) => id === membershipId)?.role);
}

test.for([
  ["owner", "viewer", "builder"],
  ["owner", "admin", "owner"],
  ["owner", "owner", "viewer"],
  ["admin", "builder", "admin"],
  ["admin", "admin", "viewer"],
] as const)("an %s may make a %s a %s", async ([callerRole, before, after], { world, actions }) => {
  const acme = await world.tenant();
  await acme.user("owner");
  const [caller, member] = [await acme.user(callerRole), await acme.user(before)];

  const output = await actions.succeed(changeMemberRole, caller, { membershipId: member.membershipId, role: after });

  expect(output).toEqual({ membershipId: member.membershipId, role: after });
  expect(await rolesOf(acme, member)).toEqual([after]);
  expect((await acme.audit()).filter(({ action }) => action === "membership.updated")).toEqual([
    expect.objectContaining({
      actorId: caller.id,
      actorRole: callerRole,
      targetId: member.membershipId,
      source: "auth-actions",
      changes: { role: { old: before, new: after } },
    }),
  ]);
});

test("an admin may lower himself", async ({ world, actions }) => {
  const acme = await world.tenant();
  const admin = await acme.user("admin");

  await actions.succeed(changeMemberRole, admin, { membershipId: admin.membershipId, role: "viewer" });

  expect(await rolesOf(acme, admin)).toEqual(["viewer"]);
});

test.for([
  ["no membership", { role: "viewer" }],
  ["no uuid", { membershipId: "1", role: "viewer" }],
  ["a role there is not", { membershipId: randomUUID(), role: "tenant_admin" }],
  ["an unknown key", { membershipId: randomUUID(), role: "viewer", tenantId: randomUUID() }],
] as const)("refuses %s as input", async ([, input], { world, actions }) => {
  const owner = await (await world.tenant()).user("owner");

  expect(await actions.call(changeMemberRole, owner, input)).toBeRefused("BAD_INPUT");
});

describe("roles and tenants", () => {
  test.for(["builder", "viewer"] as const)("a %s may not, not even for himself", async (role, { world, actions }) => {
    const acme = await world.tenant();
    const member = await acme.user(role);

    const reply = await actions.call(changeMemberRole, member, { membershipId: member.membershipId, role: "viewer" });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await rolesOf(acme, member)).toEqual([role]);
  });

  test.for([
    ["lower an owner", "owner", "admin"],
    ["make an owner", "viewer", "owner"],
  ] as const)("an admin may not %s, and the try is audited", async ([, before, after], { world, actions }) => {
    const acme = await world.tenant();
    const [admin, member] = [await acme.user("admin"), await acme.user(before)];

    const reply = await actions.call(changeMemberRole, admin, { membershipId: member.membershipId, role: after });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await rolesOf(acme, member)).toEqual([before]);
    expect((await acme.audit()).filter(({ outcome }) => outcome === "DENIED")).toEqual([
      expect.objectContaining({ action: "changeMemberRole.denied", actorId: admin.id }),
    ]);
  });

  test("a member of another tenant, an unknown one and a former one are not found alike", async ({
    world,
    actions,
    db,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const owner = await acme.user("owner");
    const [stranger, former] = [await globex.user("viewer"), await acme.user("viewer")];
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      former.membershipId,
    ]);

    const replies = await Promise.all(
      [stranger.membershipId, randomUUID(), former.membershipId].map((membershipId) =>
        actions.call(changeMemberRole, owner, { membershipId, role: "builder" }),
      ),
    );

    for (const reply of replies) expect(reply).toBeRefused("NOT_FOUND");
    expect(new Set(replies.map((reply) => reply.outcome === "refused" && reply.message)).size).toBe(1);
    expect([await rolesOf(globex, stranger), await rolesOf(acme, former)]).toEqual([["viewer"], ["viewer"]]);
  });
});

test("the same role again changes nothing and writes nothing", async ({ world, actions }) => {
  const acme = await world.tenant();
  const [owner, member] = [await acme.user("owner"), await acme.user("viewer")];
  const input = { membershipId: member.membershipId, role: "builder" };

  const replies = [
    await actions.call(changeMemberRole, owner, input),
    await actions.call(changeMemberRole, owner, input),
  ];

  expect(replies.map(({ outcome }) => outcome)).toEqual(["done", "done"]);
  expect((await acme.audit()).filter(({ action }) => action === "membership.updated")).toHaveLength(1);
});

describe("the last owner", () => {
  test("stays one", async ({ world, actions }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    await acme.user("admin");

    const reply = await actions.call(changeMemberRole, owner, { membershipId: owner.membershipId, role: "admin" });

    expect(reply).toBeRefused("LAST_OWNER");
    expect(reply).toMatchObject({ status: 409 });
    expect(await rolesOf(acme, owner)).toEqual(["owner"]);
  });

  test("of two owners who demote each other at once one is refused", async ({ world, actions, db }) => {
    const acme = await world.tenant();
    const [ann, bob] = [await acme.user("owner"), await acme.user("owner")];
    const demote = (caller: TestUser, member: TestUser) =>
      actions.call(changeMemberRole, caller, { membershipId: member.membershipId, role: "admin" });
    // Both have passed the check of their own membership and wait for the row when it is let go.
    const holder = await db.pool.connect();
    await holder.query("begin");
    await holder.query("select 1 from memberships where tenant_id = $1 for update", [acme.id]);

    const both = Promise.all([demote(ann, bob), demote(bob, ann)]);
    await expect.poll(() => waitingForLocks(db.pool)).toBe(2);
    await holder.query("commit");
    holder.release();

    const replies = await both;
    expect(replies.map((reply) => (reply.outcome === "refused" ? reply.code : "done")).sort()).toEqual([
      "LAST_OWNER",
      "done",
    ]);
    expect((await rolesOf(acme, ann, bob)).sort()).toEqual(["admin", "owner"]);
  });

  test("hands ownership over by making another owner first", async ({ world, actions }) => {
    const acme = await world.tenant();
    const [owner, heir] = [await acme.user("owner"), await acme.user("builder")];

    await actions.succeed(changeMemberRole, owner, { membershipId: heir.membershipId, role: "owner" });
    await actions.succeed(changeMemberRole, owner, { membershipId: owner.membershipId, role: "builder" });

    expect(await rolesOf(acme, owner, heir)).toEqual(["builder", "owner"]);
  });
});

async function waitingForLocks(pool: { query(text: string): Promise<{ rowCount: number | null }> }): Promise<number> {
  const { rowCount } = await pool.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rowCount ?? 0;
}
