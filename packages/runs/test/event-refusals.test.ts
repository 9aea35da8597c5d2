import { newToken } from "@control-plane/crypto";
import { runEventBuffer } from "@control-plane/db";
import { test as base, type TestDatabase, type World } from "@control-plane/testkit";
import { eq, sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { sweepRuns } from "../src/index.ts";
import { holdRun, readEvents, type Sketch } from "./held-run.ts";

const test = base
  .extend("workflow", async ({ world }: { db: TestDatabase; world: World }) =>
    (await world.tenant()).workflow({ steps: ["a", "b"].map((key) => ({ key, action: "core.echo" })) }),
  )
  .extend("held", ({ db, workflow }) => holdRun(db.db, workflow));

const started = (seq: number, stepKey = "a"): Sketch => ({ seq, type: "step.started", stepKey });
const cancelled = (seq: number): Sketch => ({ seq, type: "run.cancelled" });

describe("a batch is refused whole", () => {
  test.for([
    ["an unknown step", [started(1), started(2, "z")], 1],
    ["an unknown step that waits for a gap", [started(3, "z")], 0],
    ["run.cancelled that nobody asked for", [started(1), cancelled(2)], 1],
    ["run.cancelled that nobody asked for and that waits for a gap", [started(1), cancelled(5)], 1],
  ] as const)("for %s, which is named by its place", async ([, sketches, index], { held, workflow }) => {
    const before = await held.rows();

    expect(await held.report(...sketches)).toEqual({
      outcome: "invalid",
      tenantId: workflow.tenantId,
      index,
      reason: expect.any(String),
    });
    expect(await held.rows()).toEqual(before);
  });

  test("and spoils nothing that comes after it", async ({ held }) => {
    await held.report(cancelled(2));

    expect(await held.report(started(1))).toMatchObject({ outcome: "applied", appliedSeq: 1, status: "RUNNING" });
    expect(await held.report({ seq: 2, type: "run.succeeded" })).toMatchObject({ status: "SUCCEEDED" });
  });

  test("for the 1,001st event that waits, while the gap still closes", async ({ db, held }) => {
    for (let first = 2; first <= 1_001; first += 100)
      await held.report(...Array.from({ length: 100 }, (_, n) => started(first + n)));

    expect(await held.report(started(1_002))).toMatchObject({ outcome: "invalid", index: 0 });
    expect(await db.db.$count(runEventBuffer, eq(runEventBuffer.workflowRunId, held.run.id))).toBe(1_000);
    expect(await held.report(started(1))).toMatchObject({ outcome: "applied", appliedSeq: 1_001 });
    expect(await db.db.$count(runEventBuffer)).toBe(0);
  });
});

describe("a sender", () => {
  test("without the lease's token is not heard, by either way", async ({ held }) => {
    const before = await held.rows();
    const events = readEvents([started(1)]);

    for (const way of ["http", "queue"] as const)
      expect((await held.send(events, { token: newToken("lt_").token, way })).outcome).toBe("unproven");

    expect(await held.rows()).toEqual(before);
  });

  test.for([0, 2, 7])("of attempt %i is stale, with the right token too", async (attempt, { held }) => {
    expect(await held.send(readEvents([started(1)]), { attempt })).toEqual({ outcome: "stale" });
  });

  test("of a run that was ended for it is stale with anything new, and hears the end on a repeat", async ({
    db,
    held,
  }) => {
    await held.report(started(1));
    await db.db.execute(sql`update workflow_runs set deadline_at = now() where id = ${held.run.id}`);
    await sweepRuns(db.db, { cancelGraceSeconds: 30, batch: 100 });
    const before = await held.rows();

    expect(await held.report(started(2, "b"))).toEqual({ outcome: "stale" });
    expect(await held.report({ seq: 2, type: "run.succeeded" })).toEqual({ outcome: "stale" });
    expect(await held.report(started(1))).toMatchObject({
      outcome: "applied",
      status: "TIMED_OUT",
      leaseExpiresAt: null,
    });
    expect(await held.rows()).toEqual(before);
  });

  test("who repeats its last batch with more behind it hears the end", async ({ held }) => {
    await held.report({ seq: 1, type: "run.succeeded", output: 1 });

    const again = await held.report({ seq: 1, type: "run.succeeded", output: 2 }, started(2));

    expect(again).toMatchObject({ outcome: "applied", appliedSeq: 1, status: "SUCCEEDED" });
    expect((await held.run.row()).output).toBe(1);
  });
});

test.for<[string, number[][]]>([
  ["in one batch", [[1, 2, 2]]],
  ["while the first waits", [[2], [2], [1]]],
  ["while the first waits, in the batch that closes the gap", [[2], [2, 1]]],
  ["after it was applied", [[1, 2], [2]]],
])("of two events with one number that differ, %s, the first counts", async ([, batches], { held }) => {
  let output = 0;
  for (const batch of batches) {
    const sketches = batch.map((seq): Sketch => {
      if (seq === 1) return started(1);
      output += 1;
      return { seq, type: "step.succeeded", stepKey: "a", output };
    });
    await held.report(...sketches);
  }

  expect(await held.run.steps()).toMatchObject([{ stepKey: "a", status: "SUCCEEDED", output: 1 }, {}]);
});

describe("open steps are closed with the attempt:", () => {
  const failed = (retryable: boolean) => ({ code: "BROKEN", message: "it broke", retryable });
  const endings: [string, Sketch, string, string][] = [
    ["run.succeeded", { seq: 2, type: "run.succeeded" }, "SUCCEEDED", "NOT_REPORTED"],
    ["a final run.failed", { seq: 2, type: "run.failed", error: failed(false) }, "FAILED", "NOT_REPORTED"],
    ["a run.failed that is retried", { seq: 2, type: "run.failed", error: failed(true) }, "PENDING", "NOT_REPORTED"],
  ];
  test.for(endings)("by %s", async ([, end, status, code], { held }) => {
    await held.report(started(1), end);

    expect((await held.run.row()).status).toBe(status);
    expect(await held.run.steps()).toMatchObject([
      { stepKey: "a", status: "FAILED", error: { code } },
      { stepKey: "b", status: "SKIPPED", error: null },
    ]);
  });

  test("by run.cancelled", async ({ db, held }) => {
    await held.report(started(1));
    await db.db.execute(
      sql`update workflow_runs set status = 'CANCELLING', cancel_requested_at = now() where id = ${held.run.id}`,
    );

    await held.report(cancelled(2));

    expect((await held.run.row()).status).toBe("CANCELLED");
    expect(await held.run.steps()).toMatchObject([{ status: "CANCELLED", error: null }, { status: "SKIPPED" }]);
  });

  test.for([
    ["deadline", "deadline_at = now()", "TIMED_OUT", "TIMED_OUT", "RUN_DEADLINE"],
    ["lost lease", "lease_expires_at = now()", "PENDING", "FAILED", "LEASE_LOST"],
  ] as const)("by a %s", async ([, lapse, status, stepStatus, code], { db, held }) => {
    await held.report(started(1), started(5, "b"));
    await db.pool.query(`update workflow_runs set ${lapse}`);

    await sweepRuns(db.db, { cancelGraceSeconds: 30, batch: 100 });

    expect((await held.run.row()).status).toBe(status);
    expect(await held.run.steps()).toMatchObject([{ status: stepStatus, error: { code } }, { status: "SKIPPED" }]);
    expect(await db.db.$count(runEventBuffer)).toBe(0);
  });

  test("and steps that ended stay as they ended", async ({ held }) => {
    await held.report(
      { seq: 1, type: "step.failed", stepKey: "a", error: { code: "STEP_TIMEOUT", message: "", retryable: true } },
      { seq: 2, type: "step.succeeded", stepKey: "b", output: null },
      { seq: 3, type: "step.succeeded", stepKey: "a", output: 1 },
      { seq: 4, type: "run.failed", error: { code: "STEP_TIMEOUT", message: "", stepKey: "a", retryable: false } },
    );

    expect(await held.run.steps()).toMatchObject([
      { status: "TIMED_OUT", output: null, error: { code: "STEP_TIMEOUT" } },
      { status: "SUCCEEDED", error: null },
    ]);
    expect((await held.run.row()).error).toEqual({ code: "STEP_TIMEOUT", message: "", stepKey: "a", retryable: false });
  });
});
