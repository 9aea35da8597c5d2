import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { actions, runStatus, stepRuns, stepStatus, users, workflowRuns } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addMember, addRun, addRunnable, columnsOf, moveRun, newRun } from "./rows.ts";

const own = useOwnDatabase();

const REFUSED = "55000 RUN_TRANSITION";

type RunStatus = (typeof runStatus.enumValues)[number];

// The complete list, written down once more: the trigger is held to it.
const MAY_BECOME: Record<RunStatus, readonly RunStatus[]> = {
  PENDING: ["QUEUED", "FAILED", "CANCELLED", "TIMED_OUT"],
  QUEUED: ["RUNNING", "CANCELLED", "TIMED_OUT"],
  RUNNING: ["SUCCEEDED", "FAILED", "PENDING", "TIMED_OUT", "CANCELLING"],
  CANCELLING: ["CANCELLED", "SUCCEEDED", "FAILED"],
  SUCCEEDED: [],
  FAILED: [],
  CANCELLED: [],
  TIMED_OUT: [],
};

const moves = runStatus.enumValues.flatMap((from) =>
  runStatus.enumValues.filter((to) => to !== from).map((to) => ({ from, to, allowed: MAY_BECOME[from].includes(to) })),
);

test.each(moves.filter((move) => move.allowed))("a run may go from $from to $to", async ({ from, to }) => {
  const run = await addRun(own.db, await addRunnable(own.db), from);

  const outcome = await outcomeOf(moveRun(own.db, run.id, { ...columnsOf(to), attempt: to === "PENDING" ? 2 : 1 }));

  expect(outcome).toBe("done");
});

test.each(moves.filter((move) => !move.allowed))("a run may not go from $from to $to", async ({ from, to }) => {
  const run = await addRun(own.db, await addRunnable(own.db), from);

  expect(await outcomeOf(moveRun(own.db, run.id, columnsOf(to)))).toBe(REFUSED);
});

test.each(runStatus.enumValues.filter((status) => status !== "PENDING"))("no run is created as %s", async (status) => {
  const row = { ...newRun(await addRunnable(own.db)), ...columnsOf(status) };

  expect(await outcomeOf(own.db.insert(workflowRuns).values(row))).toBe(REFUSED);
});

test("a run starts with attempt 1", async () => {
  const row = { ...newRun(await addRunnable(own.db)), attempt: 2 };

  expect(await outcomeOf(own.db.insert(workflowRuns).values(row))).toBe(REFUSED);
});

test.each(["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const)("nothing of a %s run changes", async (status) => {
  const run = await addRun(own.db, await addRunnable(own.db), status);

  const outcomes = [
    await outcomeOf(moveRun(own.db, run.id, { output: { changed: true } })),
    await outcomeOf(moveRun(own.db, run.id, { attempt: 2 })),
    await outcomeOf(moveRun(own.db, run.id, { cancelRequestedAt: new Date() })),
    await outcomeOf(moveRun(own.db, run.id, { finishedAt: new Date(0) })),
    await outcomeOf(moveRun(own.db, run.id, { createdBy: run.id })),
  ];

  expect(new Set(outcomes)).toEqual(new Set([REFUSED]));
});

test("a terminal run loses its user when the account goes", async () => {
  const runnable = await addRunnable(own.db);
  const member = await addMember(own.db, runnable.tenant.id, "viewer");
  const [run] = await own.db
    .insert(workflowRuns)
    .values({ ...newRun(runnable), createdBy: member.userId })
    .returning();
  await moveRun(own.db, run?.id ?? "", columnsOf("CANCELLED"));
  await own.db.execute(sql`delete from memberships where id = ${member.id}`);

  await own.db.delete(users).where(eq(users.id, member.userId));

  const [row] = await own.db
    .select()
    .from(workflowRuns)
    .where(eq(workflowRuns.id, run?.id ?? ""));
  expect(row?.createdBy).toBeNull();
});

test.each([
  ["stays the same", 1],
  ["grows by two", 3],
])("an attempt that %s on the way back to PENDING is refused", async (_how, attempt) => {
  const run = await addRun(own.db, await addRunnable(own.db), "RUNNING");

  expect(await outcomeOf(moveRun(own.db, run.id, { ...columnsOf("PENDING"), attempt }))).toBe(REFUSED);
});

test("an attempt grows nowhere else", async () => {
  const run = await addRun(own.db, await addRunnable(own.db), "QUEUED");

  const outcomes = [
    await outcomeOf(moveRun(own.db, run.id, { ...columnsOf("RUNNING"), attempt: 2 })),
    await outcomeOf(moveRun(own.db, run.id, { attempt: 2 })),
    await outcomeOf(moveRun(own.db, run.id, { attempt: 0 })),
  ];

  expect(outcomes).toEqual([REFUSED, REFUSED, REFUSED]);
});

test("attempts end at max_attempts", async () => {
  const runnable = await addRunnable(own.db);
  const [run] = await own.db
    .insert(workflowRuns)
    .values({ ...newRun(runnable), maxAttempts: 1 })
    .returning();
  await moveRun(own.db, run?.id ?? "", columnsOf("QUEUED"));
  await moveRun(own.db, run?.id ?? "", columnsOf("RUNNING"));

  const outcome = await outcomeOf(moveRun(own.db, run?.id ?? "", { ...columnsOf("PENDING"), attempt: 2 }));

  expect(outcome).toMatch(/^23514 .*workflow_runs_attempt_range/);
});

test("a run has a lease exactly while a runner holds it", async () => {
  const run = await addRun(own.db, await addRunnable(own.db), "QUEUED");

  const outcomes = [
    await outcomeOf(moveRun(own.db, run.id, { leaseExpiresAt: new Date() })),
    await outcomeOf(moveRun(own.db, run.id, { status: "RUNNING" })),
  ];

  expect(outcomes).toEqual([
    expect.stringContaining("workflow_runs_lease_held"),
    expect.stringContaining("workflow_runs_lease_held"),
  ]);
});

test("change_seq rises with what clients see and not with heartbeats", async () => {
  const run = await addRun(own.db, await addRunnable(own.db), "RUNNING");

  const heartbeat = await moveRun(own.db, run.id, { leaseExpiresAt: new Date(Date.now() + 60_000), lastEventSeq: 4 });
  const given = await moveRun(own.db, run.id, { changeSeq: 1 });
  const output = await moveRun(own.db, run.id, { output: { a: 1 } });
  const cancelling = await moveRun(own.db, run.id, { status: "CANCELLING", cancelRequestedAt: new Date() });

  expect(heartbeat.changeSeq).toBe(given.changeSeq);
  expect(heartbeat.changeSeq).toBeGreaterThan(run.changeSeq);
  expect(output.changeSeq).toBeGreaterThan(heartbeat.changeSeq);
  expect(cancelling.changeSeq).toBeGreaterThan(output.changeSeq);
});

type StepStatus = (typeof stepStatus.enumValues)[number];

const STEP_MAY_BECOME: Record<StepStatus, readonly StepStatus[]> = {
  PENDING: ["RUNNING", "SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT"],
  RUNNING: ["SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT"],
  SUCCEEDED: [],
  FAILED: [],
  SKIPPED: [],
  CANCELLED: [],
  TIMED_OUT: [],
};

test("a step goes from PENDING to RUNNING or its end, from RUNNING to its end, and then nowhere", async () => {
  const runnable = await addRunnable(own.db);
  const run = await addRun(own.db, runnable);
  const [action] = await own.db.select().from(actions).limit(1);
  const expected: string[] = [];
  const found: string[] = [];
  for (const from of stepStatus.enumValues) {
    for (const to of stepStatus.enumValues.filter((status) => status !== from)) {
      const [step] = await own.db
        .insert(stepRuns)
        .values({
          tenantId: runnable.tenant.id,
          workflowRunId: run.id,
          stepKey: `${from}_${to}`,
          actionId: action?.id ?? "",
          position: 0,
          attempt: 1,
          status: from,
        })
        .returning();
      const outcome = await outcomeOf(
        own.db
          .update(stepRuns)
          .set({ status: to })
          .where(eq(stepRuns.id, step?.id ?? "")),
      );
      found.push(`${from} ${to} ${outcome}`);
      expected.push(`${from} ${to} ${STEP_MAY_BECOME[from].includes(to) ? "done" : "55000 STEP_TRANSITION"}`);
    }
  }

  expect(found).toEqual(expected);
});

test("the output of an ended step is frozen", async () => {
  const runnable = await addRunnable(own.db);
  const run = await addRun(own.db, runnable);
  const [action] = await own.db.select().from(actions).limit(1);
  const [step] = await own.db
    .insert(stepRuns)
    .values({
      tenantId: runnable.tenant.id,
      workflowRunId: run.id,
      stepKey: "done",
      actionId: action?.id ?? "",
      position: 0,
      attempt: 1,
      status: "SUCCEEDED",
    })
    .returning();

  const outcome = await outcomeOf(
    own.db
      .update(stepRuns)
      .set({ output: { late: true } })
      .where(eq(stepRuns.id, step?.id ?? "")),
  );

  expect(outcome).toBe("55000 STEP_TRANSITION");
});
