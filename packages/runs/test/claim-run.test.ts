import { workflowRuns, workflowVersions } from "@control-plane/db";
import { test as base, type TestDatabase, type World } from "@control-plane/testkit";
import { eq, sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { claimAttempt, claimRun, holdRun, lease } from "./held-run.ts";

const test = base.extend("workflow", async ({ world }: { db: TestDatabase; world: World }) =>
  (await world.tenant()).workflow(),
);

test("of 20 claims of one attempt one gets it", async ({ db, workflow }) => {
  const run = await workflow.run({ status: "QUEUED" });

  const claims = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      claimRun(db.as("cp_orchestrator").db, { runId: run.id, attempt: 1, runnerId: `runner-${n}` }, lease),
    ),
  );

  expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
  expect(await run.steps()).toHaveLength(1);
});

test.for(["PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const)(
  "a %s run is nobody's to claim",
  async (status, { db, workflow }) => {
    const run = await workflow.run({ status });
    const before = await run.row();

    expect(await claimRun(db.db, { runId: run.id, attempt: 1, runnerId: "r" }, lease)).toBeUndefined();
    expect(await run.row()).toEqual(before);
  },
);

test("a run past its deadline is nobody's to claim: the sweeper ends it", async ({ db, workflow }) => {
  const run = await workflow.run({ status: "QUEUED", deadlineAt: new Date(Date.now() - 1_000) });
  const before = await run.row();

  expect(await claimRun(db.db, { runId: run.id, attempt: 1, runnerId: "r" }, lease)).toBeUndefined();
  expect(await run.row()).toEqual(before);
});

test("the time limit counts from the first start over all attempts, however the number is written", async ({
  db,
  workflow,
}) => {
  const draft = await workflow.draft();
  await db.db
    .update(workflowVersions)
    .set({ definition: sql`${JSON.stringify(draft.definition).replace(/\}$/, ',"timeoutSeconds":60.0}')}::jsonb` })
    .where(eq(workflowVersions.id, draft.id));
  const held = await holdRun(db.db, workflow, { workflowVersionId: draft.id });
  const first = held.claimed.deadlineAt;
  const { rows } = await db.pool.query(
    "select deadline_at - started_at = interval '60 s' as a_minute from workflow_runs",
  );
  await held.report({ seq: 1, type: "run.failed", error: { code: "X", message: "", retryable: true } });
  await db.db.update(workflowRuns).set({ status: "QUEUED" });

  const second = await claimAttempt(db.db, held.run, 2);

  expect(rows).toEqual([{ a_minute: true }]);
  expect(second.deadlineAt).toEqual(first);
  expect(second.leaseToken).not.toBe(held.claimed.leaseToken);
});

describe("the bundle", () => {
  test("of a retry of a retry carries the trigger of the first run", async ({ db, workflow }) => {
    const trigger = await workflow.schedule();
    const scheduledFor = new Date("2026-01-01T00:00:00Z");
    const first = await workflow.run({ status: "FAILED", source: "SCHEDULE", triggerId: trigger.id, scheduledFor });
    const second = await workflow.run({ status: "FAILED", source: "RETRY", retryOfRunId: first.id });

    const third = await holdRun(db.db, workflow, { source: "RETRY", retryOfRunId: second.id });

    expect(third.claimed.bundle.trigger).toEqual({
      type: "SCHEDULE",
      headers: {},
      deliveryId: null,
      receivedAt: null,
      scheduledFor: scheduledFor.toISOString(),
    });
  });

  test("hands input and output on as they are, whatever they hold", async ({ db, world }) => {
    const literal = JSON.parse('{"__proto__": {"a": 1}, "constructor": null}');
    const workflow = await (await world.tenant()).workflow({
      steps: [{ key: "a", action: "core.echo", input: literal }],
      output: literal,
    });
    const run = await workflow.run({ status: "QUEUED", input: literal });

    const { bundle } = await claimAttempt(db.db, run, 1);

    const text = '{"__proto__":{"a":1},"constructor":null}';
    expect(JSON.stringify(bundle.input)).toBe(text);
    expect(JSON.stringify(bundle.output)).toBe(text);
    expect(JSON.stringify(bundle.steps[0]?.input)).toBe(text);
  });

  test("of input no double can hold is claimed all the same", async ({ db, workflow }) => {
    const run = await workflow.run({ status: "QUEUED" });
    await db.db.execute(sql`update workflow_runs set input = '{"n": 1e400}'`);

    expect(await claimRun(db.db, { runId: run.id, attempt: 1, runnerId: "r" }, lease)).toBeDefined();
  });
});
