import { hashToken } from "@control-plane/crypto";
import { describe, expect } from "vitest";
import { inviteUserToTenant } from "../src/actions/invite-user-to-tenant.ts";
import { everyText, queuedInvitation } from "./invitation-mail.ts";
import { test } from "./service.ts";

const NEW = "grace@example.com";

test.for([
  ["owner", "admin"],
  ["owner", "viewer"],
  ["admin", "admin"],
  ["admin", "builder"],
] as const)(
  "an %s may invite an %s: one invitation and its mail, which is open for a week",
  async ([inviterRole, role], { world, actions, service, db }) => {
    const acme = await world.tenant();
    const inviter = await acme.user(inviterRole);

    const output = await actions.succeed(inviteUserToTenant, inviter, { email: "  Grace@Example.com ", role });

    const mail = await queuedInvitation(service.deps, db, NEW);
    expect(mail).toMatchObject({ tenantName: acme.name, inviterName: inviter.name, role, expiresAt: output.expiresAt });
    expect(await acme.invitations()).toEqual([
      expect.objectContaining({
        id: output.invitationId,
        email: NEW,
        role,
        status: "PENDING",
        tokenHash: hashToken(mail.token),
        invitedBy: inviter.id,
        sentCount: 1,
        deliveryStatus: "QUEUED",
      }),
    ]);
    const { rows } = await db.pool.query(
      "select round(extract(epoch from expires_at - created_at) / 3600)::int as hours from invitations",
    );
    expect(rows).toEqual([{ hours: 168 }]);
  },
);

test("the invitation is on the trail without the address", async ({ world, actions }) => {
  const acme = await world.tenant();
  const owner = await acme.user("owner");

  const { invitationId } = await actions.succeed(inviteUserToTenant, owner, { email: NEW, role: "viewer" });

  const trail = (await acme.audit()).filter(({ targetType }) => targetType === "invitations");
  expect(trail).toEqual([
    expect.objectContaining({ action: "invitation.created", actorId: owner.id, targetId: invitationId }),
  ]);
  expect(JSON.stringify(trail)).not.toContain(NEW);
});

test("the token has 256 random bits, and no table holds it", async ({ world, actions, service, db }) => {
  const owner = await (await world.tenant()).user("owner");

  await actions.succeed(inviteUserToTenant, owner, { email: NEW, role: "viewer" });

  const { token } = await queuedInvitation(service.deps, db, NEW);
  expect(token).toMatch(/^inv_[\w-]{43}$/);
  expect(Buffer.from(token.slice(4), "base64url")).toHaveLength(32);
  const text = await everyText(db);
  expect(text).toContain(NEW);
  expect(text).not.toContain(token);
  expect(text).not.toContain(Buffer.from(token).toString("hex"));
});

test.for([
  ["no role", { email: NEW }],
  ["an owner", { email: NEW, role: "owner" }],
  ["no address", { email: "grace", role: "viewer" }],
  ["two addresses", { email: `${NEW}, mallory@example.com`, role: "viewer" }],
  ["a line break in the address", { email: `${NEW}\r\nbcc: mallory@example.com`, role: "viewer" }],
  ["an address of 255 characters", { email: `${"a".repeat(243)}@example.com`, role: "viewer" }],
  ["an unknown key", { email: NEW, role: "viewer", expiresInDays: 365 }],
] as const)("refuses %s as input", async ([, input], { world, actions }) => {
  const acme = await world.tenant();
  const owner = await acme.user("owner");

  expect(await actions.call(inviteUserToTenant, owner, input)).toBeRefused("BAD_INPUT");
  expect(await acme.invitations()).toEqual([]);
});

test.for(["builder", "viewer"] as const)("a %s may not invite", async (role, { world, actions, db }) => {
  const acme = await world.tenant();
  const member = await acme.user(role);

  const reply = await actions.call(inviteUserToTenant, member, { email: NEW, role: "viewer" });

  expect(reply).toBeRefused("FORBIDDEN");
  expect(await acme.invitations()).toEqual([]);
  expect((await db.pool.query("select 1 from internal.emails")).rowCount).toBe(0);
});

describe("who is known already", () => {
  test("a member is not invited again", async ({ world, actions }) => {
    const acme = await world.tenant();
    const [owner, member] = [await acme.user("owner"), await acme.user("viewer")];

    const reply = await actions.call(inviteUserToTenant, owner, { email: member.email, role: "builder" });

    expect(reply).toBeRefused("ALREADY_MEMBER");
    expect(await acme.invitations()).toEqual([]);
  });

  test("a former member, and a member of another tenant, are invited like everybody", async ({
    world,
    actions,
    db,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [owner, former] = [await acme.user("owner"), await acme.user("viewer")];
    const stranger = await globex.user("owner");
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      former.membershipId,
    ]);

    const replies = [
      await actions.call(inviteUserToTenant, owner, { email: former.email, role: "viewer" }),
      await actions.call(inviteUserToTenant, owner, { email: stranger.email, role: "viewer" }),
    ];

    expect(replies.map(({ outcome }) => outcome)).toEqual(["done", "done"]);
  });

  test("two tenants invite the same person, and each sees its own invitation", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [ann, bob] = [await acme.user("owner"), await globex.user("admin")];

    await actions.succeed(inviteUserToTenant, ann, { email: NEW, role: "viewer" });
    await actions.succeed(inviteUserToTenant, bob, { email: NEW, role: "admin" });

    expect([
      (await acme.invitations()).map(({ role }) => role),
      (await globex.invitations()).map(({ role }) => role),
    ]).toEqual([["viewer"], ["admin"]]);
  });
});

describe("invited again", () => {
  test("while the invitation is open it is refused, even in another spelling, and no second mail is queued", async ({
    world,
    actions,
    db,
  }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    await actions.succeed(inviteUserToTenant, owner, { email: NEW, role: "viewer" });

    const again = await actions.call(inviteUserToTenant, owner, { email: NEW.toUpperCase(), role: "admin" });

    expect(again).toBeRefused("INVITATION_PENDING");
    expect(await acme.invitations()).toHaveLength(1);
    expect((await db.pool.query("select 1 from internal.emails")).rowCount).toBe(1);
  });

  test("twenty at once make one invitation and one mail", async ({ world, actions, db }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");

    const replies = await Promise.all(
      Array.from({ length: 20 }, () => actions.call(inviteUserToTenant, owner, { email: NEW, role: "viewer" })),
    );

    const codes = replies.map((reply) => (reply.outcome === "refused" ? reply.code : "done")).sort();
    expect(codes).toEqual([...Array.from({ length: 19 }, () => "INVITATION_PENDING"), "done"]);
    expect(await acme.invitations()).toHaveLength(1);
    expect((await db.pool.query("select 1 from internal.emails")).rowCount).toBe(1);
  });

  test("after its time the old one is EXPIRED and a new one is made", async ({ world, actions, db }) => {
    const acme = await world.tenant();
    const owner = await acme.user("owner");
    await actions.succeed(inviteUserToTenant, owner, { email: NEW, role: "viewer" });
    await db.pool.query("update invitations set expires_at = now() - interval '1 second'");

    await actions.succeed(inviteUserToTenant, owner, { email: NEW, role: "builder" });

    expect((await acme.invitations()).map(({ status, role }) => [status, role])).toEqual([
      ["EXPIRED", "viewer"],
      ["PENDING", "builder"],
    ]);
  });
});
