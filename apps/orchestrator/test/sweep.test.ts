import { deadLetters, runEventBuffer, stepRuns, workflowRuns } from "@control-plane/db";
import { runRequested } from "@control-plane/queue";
import type { TestDatabase, TestRun } from "@control-plane/testkit";
import { eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { sweepPass } from "../src/domain/sweep-pass.ts";
import { startSweepLoop } from "../src/loops/sweep.ts";
import { lapseLease, queuedSince } from "./passed-time.ts";
import { countQueueEvents } from "./queues.ts";
import { cutPostgres, test } from "./service.ts";
import { deadLettersIn } from "./stored-state.ts";

const QUEUE = runRequested.name;
const PAST = new Date(Date.now() - 60_000);

/** What the run waits for, from the sweep that sent it back. */
async function backOffSeconds({ pool }: TestDatabase, run: TestRun): Promise<number> {
  const { rows } = await pool.query<{ seconds: number }>(
    "select extract(epoch from run_at - updated_at)::float as seconds from workflow_runs where id = $1",
    [run.id],
  );
  return rows[0]?.seconds ?? Number.NaN;
}

/** Everything a sweep may touch. */
const everything = ({ db }: TestDatabase) =>
  Promise.all([
    db.select().from(workflowRuns).orderBy(workflowRuns.id),
    db.select().from(stepRuns).orderBy(stepRuns.id),
    db.select().from(deadLetters).orderBy(deadLetters.id),
    db.select().from(runEventBuffer),
  ]);

const twoSteps = { steps: [{ key: "first" }, { key: "second", dependsOn: ["first"] }] };

/** The first step is at work, the second waits, and an event stands before a gap. */
async function startFirst({ db }: TestDatabase, run: TestRun) {
  const [first] = await run.steps();
  if (first === undefined) throw new Error("the run was to have steps");
  await db.update(stepRuns).set({ status: "RUNNING", startedAt: sql`now()` }).where(eq(stepRuns.id, first.id));
  await db.insert(runEventBuffer).values({ workflowRunId: run.id, attempt: 1, seq: 9, event: { seq: 9 } });
  await db.update(workflowRuns).set({ eventBufferBytes: 10 }).where(eq(workflowRuns.id, run.id));
}

test("a lapsed lease with attempts left gives the next attempt after the version's back-off", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow({
    ...twoSteps,
    retry: { maxAttempts: 3, initialDelaySeconds: 100, factor: 2, maxDelaySeconds: 300 },
  });
  const run = await workflow.run({ status: "RUNNING" });
  await startFirst(db, run);
  await lapseLease(db, run);

  await sweepPass(service.deps);

  const row = await run.row();
  expect([row.status, row.attempt, row.leaseExpiresAt, row.finishedAt]).toEqual(["PENDING", 2, null, null]);
  expect(row.error).toMatchObject({ code: "LEASE_LOST", retryable: true });
  const seconds = await backOffSeconds(db, run);
  expect(seconds).toBeGreaterThanOrEqual(80);
  expect(seconds).toBeLessThanOrEqual(120);
  const steps = await run.steps();
  expect(steps.map(({ stepKey, status }) => [stepKey, status])).toEqual([
    ["first", "FAILED"],
    ["second", "SKIPPED"],
  ]);
  expect(steps[0]?.error).toMatchObject({ code: "LEASE_LOST" });
  expect(await db.db.$count(runEventBuffer)).toBe(0);
  expect(await deadLettersIn(db)).toEqual([]);
  expect(service.wakes()).toBe(1);
});

test("a lapsed lease in the last attempt fails the run and leaves a dead letter of its tenant", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow(twoSteps)).run({ status: "RUNNING", maxAttempts: 1 });
  await startFirst(db, run);
  await lapseLease(db, run);

  await sweepPass(service.deps);

  const row = await run.row();
  expect([row.status, row.attempt, row.leaseExpiresAt, row.error]).toMatchObject([
    "FAILED",
    1,
    null,
    { code: "LEASE_LOST" },
  ]);
  expect(row.finishedAt).toBeInstanceOf(Date);
  expect((await run.steps()).map(({ status }) => status)).toEqual(["FAILED", "SKIPPED"]);
  expect(await deadLettersIn(db)).toMatchObject([
    { tenantId: acme.id, kind: "RUN", referenceId: run.id, reason: "LEASE_LOST", status: "OPEN", attempts: 1 },
  ]);
});

test("a runner that was lost is told so by every later call, and changes nothing", async ({
  db,
  world,
  runner,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "QUEUED" });
  const attempt = await runner.claim(run.id);
  await lapseLease(db, run);
  await sweepPass(service.deps);
  const before = await everything(db);

  const late = [await attempt.heartbeat(), await attempt.send({ type: "run.succeeded" })];

  expect(late).toMatchObject([{ code: "STALE_ATTEMPT" }, { code: "STALE_ATTEMPT" }]);
  expect(await everything(db)).toEqual(before);
});

test("a lease that has not lapsed keeps its run", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  await workflow.run({ status: "RUNNING" });
  await workflow.run({ status: "CANCELLING" });
  const before = await everything(db);

  await sweepPass(service.deps);

  expect(await everything(db)).toEqual(before);
  expect(service.wakes()).toBe(0);
});

test("a run whose deadline passed before its first start is TIMED_OUT, waiting or queued", async ({
  world,
  service,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const runs = [
    await workflow.run({ deadlineAt: PAST }),
    await workflow.run({ deadlineAt: PAST, runAt: new Date(Date.now() + 3_600_000) }),
    await workflow.run({ deadlineAt: PAST, status: "QUEUED" }),
  ];

  await sweepPass(service.deps);

  for (const run of runs) {
    const row = await run.row();
    expect([row.status, row.error]).toMatchObject(["TIMED_OUT", { code: "QUEUE_DEADLINE" }]);
    expect(row.finishedAt).toBeInstanceOf(Date);
  }
});

test("a running run whose deadline passed is TIMED_OUT with its open steps", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow(twoSteps)).run({ status: "RUNNING", deadlineAt: PAST });
  await startFirst(db, run);

  await sweepPass(service.deps);

  const row = await run.row();
  expect([row.status, row.leaseExpiresAt, row.error]).toMatchObject(["TIMED_OUT", null, { code: "RUN_DEADLINE" }]);
  expect((await run.steps()).map(({ status }) => status)).toEqual(["TIMED_OUT", "SKIPPED"]);
  expect(await db.db.$count(runEventBuffer)).toBe(0);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("a run whose deadline passes between two attempts has RUN_DEADLINE", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await lapseLease(db, run);
  await sweepPass(service.deps);
  await db.db.update(workflowRuns).set({ deadlineAt: PAST });

  await sweepPass(service.deps);

  const row = await run.row();
  expect([row.status, row.attempt, row.error]).toMatchObject(["TIMED_OUT", 2, { code: "RUN_DEADLINE" }]);
});

test("with both the deadline passed and the lease lapsed the run is TIMED_OUT, never retried", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const runs = [
    await workflow.run({ status: "RUNNING", deadlineAt: PAST }),
    await workflow.run({ status: "RUNNING", deadlineAt: PAST, maxAttempts: 1 }),
  ];
  for (const run of runs) await lapseLease(db, run);

  await sweepPass(service.deps);

  for (const run of runs) expect([(await run.row()).status, (await run.row()).attempt]).toEqual(["TIMED_OUT", 1]);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("a cancel request past its grace ends the run without its runner, who holds its lease all the same", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow(twoSteps)).run({ status: "CANCELLING" });
  await startFirst(db, run);
  await db.db.update(workflowRuns).set({ cancelRequestedAt: sql`now() - interval '29 seconds'` });
  await sweepPass(service.deps);
  const within = (await run.row()).status;
  await db.db.update(workflowRuns).set({ cancelRequestedAt: sql`now() - interval '31 seconds'` });

  await sweepPass(service.deps);

  const row = await run.row();
  expect([within, row.status, row.leaseExpiresAt]).toEqual(["CANCELLING", "CANCELLED", null]);
  expect((await run.steps()).map(({ status }) => status)).toEqual(["CANCELLED", "SKIPPED"]);
  expect(service.wakes()).toBe(1);
});

test("a cancel request whose runner is lost ends the run at once, as CANCELLED and not as a retry", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "CANCELLING", deadlineAt: PAST });
  await lapseLease(db, run);

  await sweepPass(service.deps);

  expect([(await run.row()).status, (await run.row()).attempt]).toEqual(["CANCELLED", 1]);
});

test("runs that ended are touched by nothing", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  for (const status of ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const)
    await workflow.run({ status, deadlineAt: PAST });
  const before = await everything(db);

  await sweepPass(service.deps);

  expect(await everything(db)).toEqual(before);
  expect(await redis.keys()).toEqual([]);
  expect(service.wakes()).toBe(0);
});

test("a second sweep changes nothing", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const lost = [
    await workflow.run({ status: "RUNNING" }),
    await workflow.run({ status: "RUNNING", maxAttempts: 1 }),
    await workflow.run({ status: "CANCELLING" }),
  ];
  for (const run of lost) await lapseLease(db, run);
  await workflow.run({ deadlineAt: PAST });
  await queuedSince(db, await workflow.run({ status: "QUEUED" }), 31);
  await sweepPass(service.deps);
  const before = await everything(db);
  const [, , dead] = before;

  await sweepPass(service.deps);

  expect(await everything(db)).toEqual(before);
  expect(dead).toHaveLength(1);
  expect(await countQueueEvents(redis, QUEUE)).toMatchObject({ added: 1 });
  expect(service.wakes()).toBe(1);
});

test("sweeps that meet move each run once", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const runs: TestRun[] = [];
  for (let index = 0; index < 20; index++)
    runs.push(await workflow.run({ status: "RUNNING", maxAttempts: index % 2 === 0 ? 1 : 3 }));
  for (const run of runs) await lapseLease(db, run);

  await Promise.all(Array.from({ length: 6 }, () => sweepPass(service.deps)));

  const rows = await acme.runs();
  expect(rows.map(({ status, attempt }) => `${status} ${attempt}`)).toEqual(
    runs.map((_, index) => (index % 2 === 0 ? "FAILED 1" : "PENDING 2")),
  );
  expect((await deadLettersIn(db)).map(({ referenceId }) => referenceId).sort()).toEqual(
    runs.filter((_, index) => index % 2 === 0).map(({ id }) => id),
  );
});

test("a row that somebody else holds is passed over, the others are not", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [held, free] = [await workflow.run({ status: "RUNNING" }), await workflow.run({ status: "RUNNING" })];
  for (const run of [held, free]) await lapseLease(db, run);
  await db.db.transaction(async (tx) => {
    await tx.select().from(workflowRuns).where(eq(workflowRuns.id, held.id)).for("update");

    await sweepPass(service.deps);
  });

  expect([(await held.row()).status, (await free.row()).status]).toEqual(["RUNNING", "PENDING"]);
});

test("more lost runs than a batch holds are all taken by one sweep", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const deps = { ...service.deps, sweep: { ...service.deps.sweep, batch: 2 } };
  for (let index = 0; index < 5; index++) await lapseLease(db, await workflow.run({ status: "RUNNING" }));

  await sweepPass(deps);

  expect(await db.db.$count(workflowRuns, eq(workflowRuns.status, "RUNNING"))).toBe(0);
});

test("the loop goes on after a sweep that failed", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await lapseLease(db, run);
  const reopen = await cutPostgres(db, service);
  await expect(sweepPass(service.deps)).rejects.toThrow();
  const loop = startSweepLoop(service.deps, 50);
  try {
    await reopen();

    await expect.poll(async () => (await run.row()).status).toBe("PENDING");
  } finally {
    await loop.stop();
  }
});
