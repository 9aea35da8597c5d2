import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { publishWorkflowVersion } from "../src/actions/publish-workflow-version.ts";
import { unpublishWorkflow } from "../src/actions/unpublish-workflow.ts";
import { test } from "./service.ts";

test.for(["owner", "admin", "builder"] as const)(
  "a %s leaves a workflow without a latest version",
  async (role, { db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user(role);
    const workflow = await acme.workflow();
    await workflow.publish();

    const output = await actions.succeed(unpublishWorkflow, user, { workflowId: workflow.id });

    expect(output).toEqual({ workflowId: workflow.id, previousVersion: 2 });
    const { rows } = await db.pool.query("select version from workflow_versions where workflow_id = $1 and is_latest", [
      workflow.id,
    ]);
    expect(rows).toEqual([]);
    expect((await acme.audit()).at(-1)).toMatchObject({ action: "workflow_version.unpublished", actorId: user.id });
  },
);

test.for([
  ["no id", {}],
  ["an id that is none", { workflowId: "1" }],
  ["an unknown key", { workflowId: randomUUID(), version: 1 }],
] as const)("refuses %s as input", async ([, input], { world, actions }) => {
  const user = await (await world.tenant()).user("builder");

  expect(await actions.call(unpublishWorkflow, user, input)).toBeRefused("BAD_INPUT");
});

test("a viewer may not", async ({ world, actions }) => {
  const acme = await world.tenant();
  const viewer = await acme.user("viewer");
  const workflow = await acme.workflow();

  const reply = await actions.call(unpublishWorkflow, viewer, { workflowId: workflow.id });

  expect(reply).toBeRefused("FORBIDDEN");
});

test("another tenant's workflow is not found and stays published", async ({ db, world, actions }) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const stranger = await globex.user("owner");
  const workflow = await acme.workflow();

  const reply = await actions.call(unpublishWorkflow, stranger, { workflowId: workflow.id });

  expect(reply).toBeRefused("NOT_FOUND");
  const { rows } = await db.pool.query("select is_latest from workflow_versions where workflow_id = $1", [workflow.id]);
  expect(rows).toEqual([{ is_latest: true }]);
});

test("repeating it changes nothing, and publishing any number ends it", async ({ world, actions }) => {
  const acme = await world.tenant();
  const user = await acme.user("builder");
  const workflow = await acme.workflow();
  await actions.succeed(unpublishWorkflow, user, { workflowId: workflow.id });
  const events = (await acme.audit()).length;

  const again = await actions.succeed(unpublishWorkflow, user, { workflowId: workflow.id });

  expect(again).toEqual({ workflowId: workflow.id, previousVersion: null });
  expect((await acme.audit()).length).toBe(events);
  expect(await actions.succeed(publishWorkflowVersion, user, { workflowId: workflow.id, version: 1 })).toMatchObject({
    isLatest: true,
    previousVersion: null,
  });
});
