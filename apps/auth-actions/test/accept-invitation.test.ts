import { newToken } from "@control-plane/crypto";
import type { TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { acceptInvitation } from "../src/actions/accept-invitation.ts";
import { login } from "../src/actions/login.ts";
import { removeMember } from "../src/actions/remove-member.ts";
import { authPayloadSchema } from "../src/domain/sessions.ts";
import { invite } from "./invitation-mail.ts";
import { test, verified } from "./service.ts";

const NEW = "grace@example.com";
const ACCOUNT = { password: "correct horse battery", name: "Grace" };

async function count({ pool }: TestDatabase, table: string): Promise<number | null> {
  return (await pool.query(`select 1 from ${table}`)).rowCount;
}

describe("without an account", () => {
  test.for(["admin", "builder", "viewer"] as const)(
    "somebody invited as %s gets one, is a member and signed in",
    async (role, { world, actions, service, db }) => {
      const acme = await world.tenant();
      const owner = await acme.user("owner");
      const { invitationId, token } = await invite({ actions, deps: service.deps, db }, owner, NEW, role);

      const output = authPayloadSchema.parse(
        await actions.succeed(acceptInvitation, "anonymous", { token, ...ACCOUNT }),
      );

      expect(output).toMatchObject({
        tenantId: acme.id,
        role,
        tenants: [{ tenantId: acme.id, slug: acme.slug, name: acme.name, role }],
      });
      const { payload } = await verified(service, output.accessToken);
      expect(payload.sub).toBe(output.userId);
      expect(await acme.invitations()).toEqual([
        expect.objectContaining({
          id: invitationId,
          status: "ACCEPTED",
          acceptedBy: output.userId,
          acceptedAt: expect.any(Date),
        }),
      ]);
      const again = await actions.succeed(login, "anonymous", { email: NEW, password: ACCOUNT.password });
      expect(again).toMatchObject({ userId: output.userId, tenantId: acme.id, role });
    },
  );

  test("all of it is on the trail of the tenant, by the new member", async ({ world, actions, service, db }) => {
    const acme = await world.tenant();
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);
    const before = (await acme.audit()).length;

    const { userId } = await actions.succeed(acceptInvitation, "anonymous", { token, ...ACCOUNT });

    const trail = (await acme.audit()).slice(before);
    expect(trail.map(({ action, actorId }) => [action, actorId]).sort()).toEqual([
      ["invitation.updated", userId],
      ["membership.created", userId],
      ["session.started", userId],
      ["user.created", userId],
    ]);
    expect(JSON.stringify(trail)).not.toContain(token);
  });

  test.for([
    ["a name", { password: ACCOUNT.password }, ["name"]],
    ["a password", { name: "Grace" }, ["password"]],
    ["both", {}, ["password", "name"]],
  ] as const)(
    "nobody joins without %s, and the invitation stays open",
    async ([, given, missing], { world, actions, service, db }) => {
      const acme = await world.tenant();
      const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);

      const reply = await actions.call(acceptInvitation, "anonymous", { token, ...given });

      expect(reply).toBeRefused("BAD_INPUT");
      expect(reply).toMatchObject({ extensions: { issues: missing.map((path) => expect.objectContaining({ path })) } });
      expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
    },
  );

  test("a password against the policy is refused, and the invitation stays open", async ({
    world,
    actions,
    service,
    db,
  }) => {
    const acme = await world.tenant();
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);

    const reply = await actions.call(acceptInvitation, "anonymous", { token, name: "Grace", password: "short" });

    expect(reply).toBeRefused("PASSWORD_REJECTED");
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
    expect(await count(db, "users")).toBe(1);
  });
});

describe("with an account", () => {
  test("its password joins, and what else is given changes nothing of it", async ({ world, actions, service, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("owner", { name: "Ann" });
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email, "builder");

    const output = await actions.succeed(acceptInvitation, "anonymous", { token, password: ann.password, name: "Eve" });

    expect(output).toMatchObject({ userId: ann.id, tenantId: acme.id, role: "builder" });
    expect(output.tenants).toHaveLength(2);
    const { rows } = await db.pool.query("select name, last_tenant_id from users where id = $1", [ann.id]);
    expect(rows).toEqual([{ name: "Ann", last_tenant_id: acme.id }]);
  });

  test.for([
    ["another password", { password: "not the password" }],
    ["no password", {}],
  ] as const)("%s joins nothing, and the invitation stays open", async ([, given], { world, actions, service, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("owner");
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);

    const reply = await actions.call(acceptInvitation, "anonymous", { token, name: "Ann", ...given });

    expect(reply).toBeRefused("INVALID_CREDENTIALS");
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
    expect(await acme.memberships()).toHaveLength(1);
    expect(await count(db, "internal.sessions")).toBe(0);
  });

  test("the signed-in owner of the address joins without a password, from whatever tenant and role", async ({
    world,
    actions,
    service,
    db,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("viewer");
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email, "admin");

    const output = await actions.succeed(acceptInvitation, ann, { token });

    expect(output).toMatchObject({ userId: ann.id, tenantId: acme.id, role: "admin" });
  });

  test("signed in as somebody else nobody joins, with the right password too, and the invitation stays open", async ({
    world,
    actions,
    service,
    db,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [ann, eve] = [await globex.user("viewer"), await globex.user("owner")];
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);

    const reply = await actions.call(acceptInvitation, eve, { token, password: ann.password });

    expect(reply).toBeRefused("INVITATION_EMAIL_MISMATCH");
    expect(reply).toMatchObject({ status: 403 });
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
    expect(await acme.memberships()).toHaveLength(1);
  });

  test("a token of a membership that ended does not count as signed in", async ({ world, actions, service, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("viewer");
    await actions.succeed(removeMember, await globex.user("owner"), { membershipId: ann.membershipId });
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);

    expect(await actions.call(acceptInvitation, ann, { token })).toBeRefused("FORBIDDEN");
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
  });

  test("what a client says of itself as anonymous is not believed", async ({ world, actions, service, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("viewer");
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);

    const reply = await actions.call(
      acceptInvitation,
      "anonymous",
      { token },
      {
        session: { "x-hasura-user-id": ann.id, "x-hasura-tenant-id": globex.id },
      },
    );

    expect(reply).toBeRefused("INVALID_CREDENTIALS");
  });

  test("a token bought with an access key joins nothing", async ({ world, actions, service, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("viewer");
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);

    const reply = await actions.call(
      acceptInvitation,
      ann,
      { token },
      {
        session: { "x-hasura-token-source": "access-key" },
      },
    );

    expect(reply).toBeRefused("FORBIDDEN");
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
  });
});

describe("somebody who was a member", () => {
  test("gets the same membership back, with the role of the invitation", async ({ world, actions, service, db }) => {
    const acme = await world.tenant();
    const [owner, ann] = [await acme.user("owner"), await acme.user("admin")];
    await actions.succeed(removeMember, owner, { membershipId: ann.membershipId });
    const { token } = await invite({ actions, deps: service.deps, db }, owner, ann.email, "viewer");

    const output = await actions.succeed(acceptInvitation, "anonymous", { token, password: ann.password });

    expect(output).toMatchObject({ userId: ann.id, role: "viewer" });
    expect((await acme.memberships()).find(({ id }) => id === ann.membershipId)).toMatchObject({
      role: "viewer",
      status: "ACTIVE",
      removedAt: null,
    });
  });

  test("and became one meanwhile keeps his role", async ({ world, actions, service, db }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await globex.user("viewer");
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email, "viewer");
    await acme.user("admin", { existing: ann });

    const output = await actions.succeed(acceptInvitation, "anonymous", { token, password: ann.password });

    expect(output).toMatchObject({ userId: ann.id, tenantId: acme.id, role: "admin" });
    expect((await acme.memberships()).filter(({ userId }) => userId === ann.id)).toHaveLength(1);
    expect((await acme.invitations()).map(({ status }) => status)).toEqual(["ACCEPTED"]);
  });
});

test.for([
  ["no token", ACCOUNT],
  ["an empty token", { token: "", ...ACCOUNT }],
  ["a token of 129 characters", { token: `inv_${"a".repeat(125)}`, ...ACCOUNT }],
  ["U+0000 in the token", { token: "inv_\u0000", ...ACCOUNT }],
  ["a list for a token", { token: ["inv_"], ...ACCOUNT }],
  ["an unknown key", { token: "inv_a", ...ACCOUNT, role: "owner" }],
] as const)("refuses %s as input", async ([, input], { actions }) => {
  expect(await actions.call(acceptInvitation, "anonymous", input)).toBeRefused("BAD_INPUT");
});

describe("an invitation that is not open", () => {
  test("is unknown when nobody sent it, whatever else its token is", async ({ actions, world }) => {
    await world.tenant();
    const tokens = [newToken("inv_").token, newToken("rt_").token, "inv_", "'; drop table invitations; --"];

    for (const token of tokens)
      expect(await actions.call(acceptInvitation, "anonymous", { token, ...ACCOUNT })).toBeRefused(
        "INVITATION_NOT_FOUND",
      );
  });

  test.for([
    ["accepted", "status = 'ACCEPTED'", "INVITATION_ALREADY_ACCEPTED", 409],
    ["declined", "status = 'DECLINED'", "INVITATION_REVOKED", 410],
    ["revoked", "status = 'REVOKED'", "INVITATION_REVOKED", 410],
    ["expired", "status = 'EXPIRED'", "INVITATION_EXPIRED", 410],
    ["past its time", "expires_at = now()", "INVITATION_EXPIRED", 410],
  ] as const)("is refused when it is %s", async ([, change, code, status], { world, actions, service, db }) => {
    const acme = await world.tenant();
    const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);
    await db.pool.query(`update invitations set ${change}`);

    const reply = await actions.call(acceptInvitation, "anonymous", { token, ...ACCOUNT });

    expect(reply).toBeRefused(code);
    expect(reply).toMatchObject({ status });
    expect(await acme.memberships()).toHaveLength(1);
    expect(await count(db, "users")).toBe(1);
  });
});

describe("a hundred accepts of one invitation at once", () => {
  test.for(["a new account", "somebody signed in"] as const)(
    "by %s make one membership and one session",
    async (who, { world, actions, service, db }) => {
      const [acme, globex] = [await world.tenant(), await world.tenant()];
      const known = await globex.user("viewer");
      const email = who === "a new account" ? NEW : known.email;
      const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), email);

      const caller = who === "a new account" ? "anonymous" : known;
      const replies = await Promise.all(
        Array.from({ length: 100 }, () =>
          actions.call(acceptInvitation, caller, { token, name: "Grace", password: known.password }),
        ),
      );

      const codes = replies.map((reply) => (reply.outcome === "refused" ? reply.code : "done")).sort();
      expect(codes).toEqual([...Array.from({ length: 99 }, () => "INVITATION_ALREADY_ACCEPTED"), "done"]);
      expect(await acme.memberships()).toHaveLength(2);
      expect(await count(db, "internal.sessions")).toBe(1);
      expect(await count(db, "users")).toBe(who === "a new account" ? 3 : 2);
    },
  );
});
