import { hasuraRole } from "@control-plane/service-kit";
import type { TestUser } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { allActions } from "../src/actions/all.ts";
import { publishWorkflowVersion } from "../src/actions/publish-workflow-version.ts";
import { DIRECT_ENDPOINTS } from "../src/routes/auth.ts";
import { askForToken, buyToken, makeKey } from "./access-key-holder.ts";
import { post, test, verified } from "./service.ts";

/** What a program may do in this service for its member: build, not decide who has access. */
const OPEN_TO_PROGRAMS = new Set([
  "createConnection",
  "deleteConnection",
  "publishAppVersion",
  "publishWorkflowVersion",
  "testConnection",
  "unpublishWorkflow",
  "updateConnectionSecrets",
]);
const withCaller = allActions.filter(({ access }) => access.kind !== "anonymous");

const programOf = (user: TestUser) => ({
  session: { "x-hasura-role": hasuraRole(user.role), "x-hasura-token-source": "access-key" },
});

describe("POST /auth/token", () => {
  test("sells the holder's present role, for a quarter of an hour, and says what the token is", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { key } = await makeKey(actions, user);
    await db.pool.query("update memberships set role = 'viewer' where id = $1", [user.membershipId]);

    const bought = await buyToken(service, key);

    const { payload } = await verified(service, bought.accessToken);
    expect(bought).toEqual({
      accessToken: expect.any(String),
      accessTokenExpiresAt: new Date((payload.exp ?? 0) * 1000).toISOString(),
      tenantId: acme.id,
      role: "viewer",
    });
    expect([payload.sub, (payload.exp ?? 0) - (payload.iat ?? 0)]).toEqual([user.id, 900]);
    expect(payload["https://hasura.io/jwt/claims"]).toEqual({
      "x-hasura-allowed-roles": ["viewer"],
      "x-hasura-default-role": "viewer",
      "x-hasura-role": "viewer",
      "x-hasura-user-id": user.id,
      "x-hasura-tenant-id": acme.id,
      "x-hasura-token-source": "access-key",
    });
  });

  test("has one answer for every key that is not good", async ({ db, world, actions, service }) => {
    const acme = await world.tenant();
    const [expired, left] = [await acme.user("builder"), await acme.user("builder")];
    const keys = [await makeKey(actions, expired), await makeKey(actions, left)];
    await db.pool.query("update internal.access_keys set expires_at = now() where user_id = $1", [expired.id]);
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      left.membershipId,
    ]);
    const same = { "x-request-id": "same-for-all" };

    const answers = [];
    for (const key of [...keys.map(({ key }) => key), "ak_unknown", "rt_x", undefined])
      answers.push(await askForToken(service, key, same));
    answers.push(await askForToken(service, undefined, { ...same, authorization: `Basic ${keys[0]?.key}` }));

    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set([
        '401 {"message":"the access key is not valid","extensions":{"code":"UNAUTHENTICATED","requestId":"same-for-all"}}',
      ]),
    );
    for (const { headers } of answers) expect(headers["cache-control"]).toBe("no-store");
  });

  test("takes an empty object for a body, and nothing that could be mistaken for input", async ({
    world,
    actions,
    service,
  }) => {
    const { key } = await makeKey(actions, await (await world.tenant()).user("builder"));
    const buy = (body: unknown) => post(service, "/auth/token", body, { authorization: `Bearer ${key}` });

    const [empty, filled] = [await buy({}), await buy({ role: "owner" })];

    expect(empty.status).toBe(200);
    expect([filled.status, filled.code]).toEqual([400, "BAD_INPUT"]);
  });

  test("notes the use at most once a minute, and puts the first of an hour on the trail as a program's", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { key, keyId } = await makeKey(actions, user);
    const lastUse = async () =>
      (await db.pool.query("select last_used_at, host(last_used_ip) as ip from internal.access_keys")).rows[0];

    await buyToken(service, key);
    const first = await lastUse();
    await buyToken(service, key);
    const second = await lastUse();
    await db.pool.query("update internal.access_keys set last_used_at = last_used_at - interval '2 hours'");
    await buyToken(service, key);

    expect(first).toEqual({ last_used_at: expect.any(Date), ip: "127.0.0.1" });
    expect(second).toEqual(first);
    const used = (await acme.audit()).filter(({ action }) => action === "access_key.used");
    expect(used).toMatchObject(
      Array(2).fill({ targetId: keyId, actorId: user.id, source: "auth-actions/access-key", actorRole: "builder" }),
    );
  });
});

describe("a token that a key bought", () => {
  test.for(withCaller.filter(({ name }) => !OPEN_TO_PROGRAMS.has(name)))(
    "may not call $name",
    async (action, { world, actions }) => {
      const acme = await world.tenant();
      const user = await acme.user("owner");
      // Only a good input gets as far as the caller, so each contract is given what it asks for.
      const input = SAMPLES[action.name] ?? {};

      const reply = await actions.call(action, user, input, programOf(user));

      expect(reply).toBeRefused("FORBIDDEN");
      expect(await acme.audit()).toContainEqual(
        expect.objectContaining({
          action: `${action.name}.denied`,
          actorId: user.id,
          source: "auth-actions/access-key",
        }),
      );
    },
  );

  test("may call what builds, on the trail as a program's", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow({ published: false });
    await workflow.draft();

    const published = await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id }, programOf(user));

    expect(published).toMatchObject({ isLatest: true });
    expect(await acme.audit()).toContainEqual(
      expect.objectContaining({ action: "workflow_version.published", source: "auth-actions/access-key" }),
    );
    expect(withCaller.map(({ name }) => name)).toEqual(expect.arrayContaining([...OPEN_TO_PROGRAMS]));
  });

  test.for(DIRECT_ENDPOINTS.filter(({ operation }) => operation.access.kind !== "anonymous"))(
    "is refused at $path",
    async ({ path, operation }, { world, actions, service }) => {
      const acme = await world.tenant();
      const user = await acme.user("owner");
      const { accessToken } = await buyToken(service, (await makeKey(actions, user)).key);

      const reply = await post(service, path, SAMPLES[operation.name] ?? {}, {
        authorization: `Bearer ${accessToken}`,
      });

      expect(reply).toMatchObject({ status: 403, code: "FORBIDDEN" });
      expect(await acme.audit()).toContainEqual(
        expect.objectContaining({ action: `${operation.name}.denied`, source: "auth-actions/access-key" }),
      );
    },
  );
});

const ID = "0193b1c0-0000-7000-8000-000000000001";
/** Inputs that fit the contracts. */
const SAMPLES: Readonly<Record<string, object>> = {
  acceptInvitation: { token: "inv_x" },
  changeMemberRole: { membershipId: ID, role: "viewer" },
  changePassword: { currentPassword: "x", newPassword: "y" },
  createAccessKey: { name: "another" },
  inviteUserToTenant: { email: "a@example.com", role: "viewer" },
  logout: { refreshToken: "rt_x" },
  removeMember: { membershipId: ID },
  resendInvitation: { invitationId: ID },
  revokeAccessKey: { keyId: ID },
  revokeInvitation: { invitationId: ID },
  revokeSession: { sessionId: ID },
  switchTenant: { tenantId: ID, refreshToken: "rt_x" },
};
