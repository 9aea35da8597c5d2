import { describe, expect } from "vitest";
import { refreshSession } from "../src/actions/refresh-session.ts";
import { switchTenant } from "../src/actions/switch-tenant.ts";
import { authPayloadSchema } from "../src/domain/sessions.ts";
import { post, test, verified } from "./service.ts";
import { signIn } from "./sign-in.ts";

describe("switchTenant", () => {
  test("moves the session to another tenant of the caller, in his role there", async ({
    db,
    world,
    actions,
    service,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("owner");
    await globex.user("viewer", { existing: ann });
    const { refreshToken } = await signIn(actions, ann, { tenantSlug: acme.slug });

    const moved = authPayloadSchema.parse(
      await actions.succeed(switchTenant, ann, { tenantId: globex.id, refreshToken }),
    );

    const { payload } = await verified(service, moved.accessToken);
    expect(moved).toMatchObject({ userId: ann.id, tenantId: globex.id, role: "viewer" });
    expect(payload["https://hasura.io/jwt/claims"]).toMatchObject({
      "x-hasura-role": "viewer",
      "x-hasura-tenant-id": globex.id,
    });
    const { rows } = await db.pool.query(
      "select s.tenant_id, u.last_tenant_id from internal.sessions s join users u on u.id = s.user_id",
    );
    expect(rows).toEqual([{ tenant_id: globex.id, last_tenant_id: globex.id }]);
    const later = await actions.succeed(refreshSession, "anonymous", { refreshToken: moved.refreshToken });
    expect(later.tenantId).toBe(globex.id);
  });

  test.for([
    ["a tenant that is no uuid", { tenantId: "acme", refreshToken: "rt_x" }],
    ["no refresh token", { tenantId: "0193b1c0-0000-7000-8000-000000000001" }],
    ["a role", { tenantId: "0193b1c0-0000-7000-8000-000000000001", refreshToken: "rt_x", role: "owner" }],
  ] as const)("refuses %s", async ([, input], { world, actions }) => {
    const user = await (await world.tenant()).user("viewer");

    expect(await actions.call(switchTenant, user, input)).toBeRefused("BAD_INPUT");
  });

  test("is nothing for whoever is not signed in", async ({ actions, service }) => {
    const input = { tenantId: "0193b1c0-0000-7000-8000-000000000001", refreshToken: "rt_x" };

    expect(await actions.call(switchTenant, "anonymous", input)).toBeRefused("FORBIDDEN");
    expect(await post(service, "/auth/switch-tenant", input)).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
  });

  test("finds no tenant that the caller is not in, or left, and uses no token up for it", async ({
    db,
    world,
    actions,
  }) => {
    const [acme, globex, left] = [await world.tenant(), await world.tenant(), await world.tenant()];
    const ann = await acme.user("owner");
    const membership = await left.user("builder", { existing: ann });
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
      membership.membershipId,
    ]);
    const { refreshToken } = await signIn(actions, ann, { tenantSlug: acme.slug });

    for (const { id } of [globex, left])
      expect(await actions.call(switchTenant, ann, { tenantId: id, refreshToken })).toBeRefused("NOT_FOUND");

    const { rows } = await db.pool.query("select 1 from internal.refresh_tokens where consumed_at is not null");
    expect(rows).toEqual([]);
  });

  test("takes no refresh token of somebody else, and leaves it as it was", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("owner");
    await globex.user("viewer", { existing: ann });
    const bob = await globex.user("owner");
    const { refreshToken } = await signIn(actions, bob);

    const reply = await actions.call(switchTenant, ann, { tenantId: globex.id, refreshToken });

    expect(reply).toBeRefused("SESSION_EXPIRED");
    await actions.succeed(refreshSession, "anonymous", { refreshToken });
  });

  test("over HTTP takes the bearer token for the caller", async ({ world, actions, service }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("owner");
    await globex.user("viewer", { existing: ann });
    const { accessToken, refreshToken } = await signIn(actions, ann, { tenantSlug: acme.slug });
    const authorization = `Bearer ${accessToken}`;
    const input = { tenantId: globex.id, refreshToken };

    const first = await post(service, "/auth/switch-tenant", input, { authorization });
    const again = await post(service, "/auth/switch-tenant", input, { authorization });

    expect(authPayloadSchema.parse(first.body)).toMatchObject({ tenantId: globex.id, role: "viewer" });
    expect(authPayloadSchema.parse(again.body)).toMatchObject({ tenantId: globex.id, role: "viewer" });
  });
});
