import { newToken } from "@control-plane/crypto";
import { expect } from "vitest";
import { acceptInvitation } from "../src/actions/accept-invitation.ts";
import { inviteUserToTenant } from "../src/actions/invite-user-to-tenant.ts";
import { invite } from "./invitation-mail.ts";
import { post, test } from "./service.ts";

test("a tenant invites 50 times an hour, whoever does it; another tenant is not concerned", async ({
  world,
  actions,
}) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const inviters = [await acme.user("owner"), await acme.user("admin")];
  const other = await globex.user("owner");
  const send = (index: number) =>
    actions.call(inviteUserToTenant, inviters[index % 2] ?? other, { email: `p${index}@example.com`, role: "viewer" });
  const first = await Promise.all(Array.from({ length: 50 }, (_, index) => send(index)));

  const next = await send(50);
  const elsewhere = await actions.call(inviteUserToTenant, other, { email: "p@example.com", role: "viewer" });

  expect(first.filter(({ outcome }) => outcome === "done")).toHaveLength(50);
  expect(next).toBeRefused("RATE_LIMITED");
  expect(next).toMatchObject({ extensions: { retryAfterSeconds: expect.any(Number) } });
  expect(elsewhere.outcome).toBe("done");
});

test("tokens of invitations are tried 20 times a minute from one address, accepting and declining together", async ({
  service,
}) => {
  const guess = (index: number) =>
    post(service, `/auth/invitations/${index % 2 === 0 ? "accept" : "decline"}`, { token: newToken("inv_").token });
  const first = await Promise.all(Array.from({ length: 20 }, (_, index) => guess(index)));

  const next = await guess(20);

  expect(new Set(first.map(({ code }) => code))).toEqual(new Set(["INVITATION_NOT_FOUND"]));
  expect([next.status, next.code, next.headers["retry-after"]]).toEqual([429, "RATE_LIMITED", expect.any(String)]);
});

test("whoever has a token guesses the password of its account five times a minute", async ({
  world,
  actions,
  service,
  db,
}) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const ann = await globex.user("owner");
  const { token } = await invite({ actions, deps: service.deps, db }, await acme.user("owner"), ann.email);
  const guess = (password: string) => actions.call(acceptInvitation, "anonymous", { token, password });
  for (let times = 0; times < 5; times++) expect(await guess(`guess ${times}`)).toBeRefused("INVALID_CREDENTIALS");

  const sixth = await guess(ann.password);

  expect(sixth).toBeRefused("RATE_LIMITED");
  expect((await acme.invitations()).map(({ status }) => status)).toEqual(["PENDING"]);
});

test("over HTTP the bearer of a token joins, a bad token is refused, and without one the password decides", async ({
  world,
  actions,
  service,
  db,
}) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const [ann, owner] = [await globex.user("viewer"), await acme.user("owner")];
  const { token } = await invite({ actions, deps: service.deps, db }, owner, ann.email, "builder");
  const bearer = service.deps.issueAccessToken({ userId: ann.id, tenantId: globex.id, role: "viewer" }).token;
  const accept = (headers: Record<string, string>, body = {}) =>
    post(service, "/auth/invitations/accept", { token, ...body }, headers);

  const forged = await accept({ authorization: `Bearer ${bearer.slice(0, -6)}AAAAAA` });
  const wrong = await accept({}, { password: "not the password" });
  const joined = await accept({ authorization: `Bearer ${bearer}` });
  const again = await accept({}, { password: ann.password });

  expect([forged, wrong, joined, again].map(({ status, code }) => [status, code])).toEqual([
    [401, "UNAUTHENTICATED"],
    [401, "INVALID_CREDENTIALS"],
    [200, undefined],
    [409, "INVITATION_ALREADY_ACCEPTED"],
  ]);
  expect(joined.headers["cache-control"]).toBe("no-store");
  expect(joined.body).toMatchObject({ userId: ann.id, tenantId: acme.id, role: "builder" });
});
