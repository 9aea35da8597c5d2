import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { COUNT_SCHEMA, test } from "./acme.ts";

describe("idempotency key", () => {
  const call = { input: { a: 1, b: [2] }, idempotencyKey: "order-17" };

  test("the same call again gives the first run, whatever its state", async ({ actions, acme, db }) => {
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });
    await db.db.execute(sql`update workflow_runs set status = 'CANCELLED', finished_at = now()`);

    const again = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    expect(again).toEqual({ runId: first.runId, status: "CANCELLED", deduplicated: true });
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("equal is what is equal as JSON, whoever asks", async ({ actions, acme }) => {
    const colleague = await acme.tenant.user("builder");
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    const again = await actions.succeed(runWorkflow, colleague, {
      workflowId: acme.workflow.id,
      input: { b: [2.0], a: 1 },
      idempotencyKey: call.idempotencyKey,
    });

    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
  });

  test("after a publication the same call still gives the first run, with its version", async ({ actions, acme }) => {
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });

    const again = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("a repeat that names the version which ran is the same call", async ({ actions, acme }) => {
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    const again = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, version: 1, ...call });

    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
  });

  for (const [what, over] of [
    ["other input", { input: { a: 2 } }],
    ["no input", { input: undefined }],
    ["another version", { version: 2 }],
  ] as const) {
    test(`the key with ${what} is refused`, async ({ actions, acme }) => {
      await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });
      await acme.workflow.publish();

      const reply = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call, ...over });

      expect(reply).toBeRefused("IDEMPOTENCY_KEY_REUSED");
      expect(reply.status).toBe(409);
      expect(await acme.tenant.runs()).toHaveLength(1);
    });
  }

  test("a key belongs to one workflow of one tenant", async ({ actions, acme, world }) => {
    const other = await world.tenant();
    const stranger = await other.user("owner");
    const second = await acme.tenant.workflow();
    const theirs = await other.workflow();

    const outcomes = [
      await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call }),
      await actions.succeed(runWorkflow, acme.owner, { workflowId: second.id, ...call }),
      await actions.succeed(runWorkflow, stranger, { workflowId: theirs.id, ...call }),
    ];

    expect(outcomes.map(({ deduplicated }) => deduplicated)).toEqual([false, false, false]);
    expect(new Set(outcomes.map(({ runId }) => runId)).size).toBe(3);
  });

  test("a refused call does not use up its key", async ({ actions, acme }) => {
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });
    const withKey = (input: unknown) => ({ workflowId: acme.workflow.id, idempotencyKey: "order-18", input });

    const refused = await actions.call(runWorkflow, acme.owner, withKey({ count: "two" }));
    const mended = await actions.call(runWorkflow, acme.owner, withKey({ count: 2 }));

    expect(refused).toBeRefused("INPUT_INVALID");
    expect(mended).toMatchObject({ output: { deduplicated: false } });
  });

  test("of many calls at once one makes the run and all are told of it", async ({ actions, acme }) => {
    const replies = await Promise.all(
      Array.from({ length: 12 }, () =>
        actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call }),
      ),
    );

    expect(replies.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    expect(new Set(replies.map(({ runId }) => runId)).size).toBe(1);
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("calls without a key are separate runs", async ({ actions, acme }) => {
    const start = () => actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input: 1 });

    const [first, second] = [await start(), await start()];

    expect(first.runId).not.toBe(second.runId);
    expect(await acme.tenant.runs()).toHaveLength(2);
  });

  test("a key of 255 characters is kept whole", async ({ actions, acme }) => {
    const key = "é".repeat(255);

    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, idempotencyKey: key });

    expect((await acme.tenant.runs()).map(({ idempotencyKey }) => idempotencyKey)).toEqual([key]);
  });
});
