import { randomUUID } from "node:crypto";
import { connections } from "@control-plane/db";
import type { TestTenant } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { deleteConnection } from "../src/actions/delete-connection.ts";
import { publishWorkflowVersion } from "../src/actions/publish-workflow-version.ts";
import { test } from "./connections.ts";
import { holdRow, waitForWaiters } from "./held-rows.ts";

const stepWith = (connectionId: string) => ({
  steps: [
    { key: "first", action: "core.echo" },
    { key: "read", action: "github.get_repository", connectionId, input: { owner: "a", repo: "b" } },
  ],
});

async function usedConnection(tenant: TestTenant) {
  const connection = await tenant.connection();
  const workflow = await tenant.workflow(stepWith(connection.id));
  return { connection, workflow };
}

describe("deleteConnection", () => {
  test.for(["owner", "admin", "builder"] as const)("a %s deletes the row", async (role, { db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user(role);
    const connection = await acme.connection({ secretCipher: Buffer.alloc(60) });

    const output = await actions.succeed(deleteConnection, user, { connectionId: connection.id });

    expect(output).toEqual({ ok: true });
    expect(await db.db.$count(connections)).toBe(0);
    expect((await acme.audit()).at(-1)).toMatchObject({ action: "connection.deleted", targetId: connection.id });
  });

  test("one that a latest version uses stays, and is told where", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { connection, workflow } = await usedConnection(acme);

    const reply = await actions.call(deleteConnection, user, { connectionId: connection.id });

    expect(reply).toMatchObject({
      status: 409,
      code: "CONNECTION_IN_USE",
      extensions: { workflows: [{ workflowId: workflow.id, version: 1 }] },
    });
    expect(await db.db.$count(connections)).toBe(1);
  });

  test("force deletes it all the same", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { connection } = await usedConnection(acme);

    await actions.succeed(deleteConnection, user, { connectionId: connection.id, force: true });

    expect(await db.db.$count(connections)).toBe(0);
  });

  test("drafts and versions that are not the latest are no use", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { connection, workflow } = await usedConnection(acme);
    await workflow.publish();
    await workflow.draft(stepWith(connection.id));

    const reply = await actions.call(deleteConnection, user, { connectionId: connection.id });

    expect(reply).toMatchObject({ outcome: "done" });
  });

  test("a version with it that is being published comes first", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const connection = await acme.connection();
    const workflow = await acme.workflow();
    await workflow.draft(stepWith(connection.id));
    // The publisher has the connection and waits for the draft's row; the deletion waits for the connection.
    const release = await holdRow(db.pool, "workflow_versions", workflow.version.id);
    const publishing = actions.call(publishWorkflowVersion, user, { workflowId: workflow.id });
    await waitForWaiters(db.pool, 1);
    const deleting = actions.call(deleteConnection, user, { connectionId: connection.id });
    await waitForWaiters(db.pool, 2);

    await release();

    expect(await publishing).toMatchObject({ outcome: "done" });
    expect(await deleting).toBeRefused("CONNECTION_IN_USE");
  });

  test.for([
    ["no id", {}],
    ["an id that is none", { connectionId: "1" }],
    ["an unknown key", { connectionId: randomUUID(), all: true }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    expect(await actions.call(deleteConnection, user, input)).toBeRefused("BAD_INPUT");
  });

  test("a viewer may not, and another tenant's connection does not exist", async ({ db, world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [viewer, stranger] = [await acme.user("viewer"), await globex.user("owner")];
    const { id } = await acme.connection();

    expect(await actions.call(deleteConnection, viewer, { connectionId: id })).toBeRefused("FORBIDDEN");
    expect(await actions.call(deleteConnection, stranger, { connectionId: id, force: true })).toBeRefused("NOT_FOUND");
    expect(await db.db.$count(connections)).toBe(1);
  });

  test("a second time there is nothing to delete", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const { id } = await acme.connection();
    await actions.succeed(deleteConnection, user, { connectionId: id });

    expect(await actions.call(deleteConnection, user, { connectionId: id })).toBeRefused("NOT_FOUND");
  });
});
