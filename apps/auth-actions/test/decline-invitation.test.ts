import { newToken } from "@control-plane/crypto";
import { expect } from "vitest";
import { acceptInvitation } from "../src/actions/accept-invitation.ts";
import { declineInvitation } from "../src/actions/decline-invitation.ts";
import { invite } from "./invitation-mail.ts";
import { test } from "./service.ts";

const NEW = "grace@example.com";

test("whoever has the token may decline, and nobody accepts any more", async ({ world, actions, service, db }) => {
  const acme = await world.tenant();
  const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);

  const output = await actions.succeed(declineInvitation, "anonymous", { token });

  expect(output).toEqual({ ok: true });
  expect((await acme.invitations()).map(({ status }) => status)).toEqual(["DECLINED"]);
  expect((await acme.audit()).filter(({ action }) => action === "invitation.updated")).toEqual([
    expect.objectContaining({
      actorType: "SYSTEM",
      source: "auth-actions",
      changes: { status: { old: "PENDING", new: "DECLINED" } },
    }),
  ]);
  const accept = await actions.call(acceptInvitation, "anonymous", {
    token,
    name: "Grace",
    password: "a long password",
  });
  expect(accept).toBeRefused("INVITATION_REVOKED");
});

test.for([
  ["no token", {}],
  ["a number for a token", { token: 1 }],
  ["an unknown key", { token: "inv_a", reason: "no" }],
] as const)("refuses %s as input", async ([, input], { actions }) => {
  expect(await actions.call(declineInvitation, "anonymous", input)).toBeRefused("BAD_INPUT");
});

test("another kind of token, and one nobody sent, are unknown", async ({ actions }) => {
  for (const token of [newToken("inv_").token, newToken("pwr_").token])
    expect(await actions.call(declineInvitation, "anonymous", { token })).toBeRefused("INVITATION_NOT_FOUND");
});

test.for([
  ["accepted", "status = 'ACCEPTED'", "INVITATION_ALREADY_ACCEPTED"],
  ["revoked", "status = 'REVOKED'", "INVITATION_REVOKED"],
  ["past its time", "expires_at = now()", "INVITATION_EXPIRED"],
] as const)("one that is %s is not declined", async ([, change, code], { world, actions, service, db }) => {
  const acme = await world.tenant();
  const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);
  await db.pool.query(`update invitations set ${change}`);
  const [before] = await acme.invitations();

  expect(await actions.call(declineInvitation, "anonymous", { token })).toBeRefused(code);
  expect(await acme.invitations()).toEqual([before]);
});

test("a second time it is refused", async ({ world, actions, service, db }) => {
  const acme = await world.tenant();
  const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), NEW);
  await actions.succeed(declineInvitation, "anonymous", { token });

  expect(await actions.call(declineInvitation, "anonymous", { token })).toBeRefused("INVITATION_REVOKED");
});

test("of accepting and declining at once one wins", async ({ world, actions, service, db }) => {
  const acme = await world.tenant();
  const ann = await (await world.tenant()).user("viewer");
  const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);

  const [accepted, declined] = await Promise.all([
    actions.call(acceptInvitation, ann, { token }),
    actions.call(declineInvitation, "anonymous", { token }),
  ]);

  const [invitation] = await acme.invitations();
  expect([accepted.outcome, declined.outcome].sort()).toEqual(["done", "refused"]);
  expect(invitation?.status).toBe(accepted.outcome === "done" ? "ACCEPTED" : "DECLINED");
  expect(await acme.memberships()).toHaveLength(accepted.outcome === "done" ? 2 : 1);
});
