import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { test } from "./acme.ts";
import { post } from "./service.ts";

describe("who", () => {
  test("a viewer starts nothing, and the attempt is on the trail", async ({ actions, acme }) => {
    const viewer = await acme.tenant.user("viewer");

    const reply = await actions.call(runWorkflow, viewer, { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
    const denied = (await acme.tenant.audit()).filter(({ outcome }) => outcome === "DENIED");
    expect(denied.map(({ action, actorId }) => [action, actorId])).toEqual([["runWorkflow.denied", viewer.id]]);
  });

  test("a viewer who says he is an owner is believed by nobody", async ({ actions, acme }) => {
    const viewer = await acme.tenant.user("viewer");

    const reply = await actions.call(
      runWorkflow,
      viewer,
      { workflowId: acme.workflow.id },
      { session: { "x-hasura-role": "owner" } },
    );

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("a member of one tenant is nobody in another", async ({ actions, acme, world }) => {
    const stranger = await (await world.tenant()).user("owner");

    const reply = await actions.call(
      runWorkflow,
      stranger,
      { workflowId: acme.workflow.id },
      { session: { "x-hasura-tenant-id": acme.tenant.id } },
    );

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("a removed member starts nothing though the token lives on", async ({ actions, acme, db }) => {
    const gone = await acme.tenant.user("admin");
    await db.db.execute(
      sql`update memberships set status = 'REMOVED', removed_at = now() where id = ${gone.membershipId}`,
    );

    const reply = await actions.call(runWorkflow, gone, { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("without a session nobody is known", async ({ actions, acme }) => {
    const reply = await actions.call(runWorkflow, "anonymous", { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("FORBIDDEN");
  });

  test("no secret and a wrong one are refused before the body is read", async ({ service }) => {
    const call = (headers: Record<string, string>) =>
      post(service, "/actions/runWorkflow", "{ this is no json", headers);

    const replies = [await call({}), await call({ "x-action-secret": "not the secret of hasura" })];

    expect(replies.map(({ status, code }) => [status, code])).toEqual([
      [401, "UNAUTHENTICATED"],
      [401, "UNAUTHENTICATED"],
    ]);
  });
});
