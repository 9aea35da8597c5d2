import { deadLetters, runEventBuffer, stepRuns, workflowRuns } from "@control-plane/db";
import { runRequested } from "@control-plane/queue";
import type { TestDatabase, TestRedis, TestRun } from "@control-plane/testkit";
import { Worker } from "bullmq";
import { eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { startIntervalLoop } from "../src/loops/interval-loop.ts";
import { sweepPass } from "../src/loops/sweep.ts";
import { closeDatabase } from "./close-database.ts";
import { addJob, countQueueEvents, jobsIn } from "./queues.ts";
import { test } from "./service.ts";

const QUEUE = runRequested.name;
const PAST = new Date(Date.now() - 60_000);

/** Time that the database's clock sees as passed. */
async function lapse({ db }: TestDatabase, run: TestRun, seconds = 1) {
  await db
    .update(workflowRuns)
    .set({ leaseExpiresAt: sql`now() - make_interval(secs => ${seconds})` })
    .where(eq(workflowRuns.id, run.id));
}

async function queuedSince({ db }: TestDatabase, run: TestRun, seconds: number) {
  await db
    .update(workflowRuns)
    .set({ queuedAt: sql`now() - make_interval(secs => ${seconds})` })
    .where(eq(workflowRuns.id, run.id));
}

async function secondsUntil({ pool }: TestDatabase, run: TestRun): Promise<number> {
  const { rows } = await pool.query<{ seconds: number }>(
    "select extract(epoch from run_at - now())::float as seconds from workflow_runs where id = $1",
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

const letters = ({ db }: TestDatabase) => db.select().from(deadLetters).orderBy(deadLetters.id);

const twoSteps = { steps: [{ key: "first" }, { key: "second", dependsOn: ["first"] }] };

/** The first step is at work, the second waits, and an event stands before a gap. */
async function startFirst({ db }: TestDatabase, run: TestRun) {
  const [first] = await run.steps();
  if (first === undefined) throw new Error("the run was to have steps");
  await db.update(stepRuns).set({ status: "RUNNING", startedAt: sql`now()` }).where(eq(stepRuns.id, first.id));
  await db.insert(runEventBuffer).values({ workflowRunId: run.id, attempt: 1, seq: 9, event: { seq: 9 } });
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
  await lapse(db, run);

  await sweepPass(service.deps);

  const row = await run.row();
  expect([row.status, row.attempt, row.leaseExpiresAt, row.finishedAt]).toEqual(["PENDING", 2, null, null]);
  expect(row.error).toMatchObject({ code: "LEASE_LOST", retryable: true });
  const seconds = await secondsUntil(db, run);
  expect(seconds).toBeGreaterThan(70);
  expect(seconds).toBeLessThanOrEqual(120);
  const steps = await run.steps();
  expect(steps.map(({ stepKey, status }) => [stepKey, status])).toEqual([
    ["first", "FAILED"],
    ["second", "SKIPPED"],
  ]);
  expect(steps[0]?.error).toMatchObject({ code: "LEASE_LOST" });
  expect(await db.db.$count(runEventBuffer)).toBe(0);
  expect(await letters(db)).toEqual([]);
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
  await lapse(db, run);

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
  expect(await letters(db)).toMatchObject([
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
  await lapse(db, run);
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
  expect(await letters(db)).toEqual([]);
});

test("a run whose deadline passes between two attempts has RUN_DEADLINE", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await lapse(db, run);
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
  for (const run of runs) await lapse(db, run);

  await sweepPass(service.deps);

  for (const run of runs) expect([(await run.row()).status, (await run.row()).attempt]).toEqual(["TIMED_OUT", 1]);
  expect(await letters(db)).toEqual([]);
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
  await lapse(db, run);

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
  for (const run of lost) await lapse(db, run);
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
  for (const run of runs) await lapse(db, run);

  await Promise.all(Array.from({ length: 6 }, () => sweepPass(service.deps)));

  const rows = await acme.runs();
  expect(rows.map(({ status, attempt }) => `${status} ${attempt}`)).toEqual(
    runs.map((_, index) => (index % 2 === 0 ? "FAILED 1" : "PENDING 2")),
  );
  expect((await letters(db)).map(({ referenceId }) => referenceId).sort()).toEqual(
    runs.filter((_, index) => index % 2 === 0).map(({ id }) => id),
  );
});

test("a row that somebody else holds is passed over, the others are not", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [held, free] = [await workflow.run({ status: "RUNNING" }), await workflow.run({ status: "RUNNING" })];
  for (const run of [held, free]) await lapse(db, run);
  await db.db.transaction(async (tx) => {
    await tx.select().from(workflowRuns).where(eq(workflowRuns.id, held.id)).for("update");

    await sweepPass(service.deps);
  });

  expect([(await held.row()).status, (await free.row()).status]).toEqual(["RUNNING", "PENDING"]);
});

test("more lost runs than a batch holds are taken over the next sweeps", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const deps = { ...service.deps, sweep: { ...service.deps.sweep, batch: 2 } };
  for (let index = 0; index < 3; index++) await lapse(db, await workflow.run({ status: "RUNNING" }));
  const left = () => db.db.$count(workflowRuns, eq(workflowRuns.status, "RUNNING"));

  await sweepPass(deps);
  const first = await left();
  await sweepPass(deps);

  expect([first, await left()]).toEqual([1, 0]);
});

test("a run queued for long without a job gets the job again, of its present attempt", async ({
  db,
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await lapse(db, run);
  await sweepPass(service.deps);
  await db.db.update(workflowRuns).set({ status: "QUEUED", queuedAt: sql`now() - interval '31 seconds'` });

  await sweepPass(service.deps);

  const jobs = await jobsIn(redis, QUEUE, ["waiting"]);
  expect(jobs.map(({ id, data }) => [id, data])).toEqual([
    [`${run.id}_2`, { contractVersion: 1, runId: run.id, attempt: 2 }],
  ]);
  const row = await run.row();
  expect([row.status, row.attempt, Date.now() - (row.queuedAt?.getTime() ?? 0) < 10_000]).toEqual(["QUEUED", 2, true]);
});

test("a run that is queued since a moment ago is left alone", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "QUEUED" });
  await queuedSince(db, run, 25);
  const before = await run.row();

  await sweepPass(service.deps);

  expect(await run.row()).toEqual(before);
  expect(await redis.keys()).toEqual([]);
});

test("a job that still waits is not added twice, however long it waits", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "QUEUED" });
  await service.deps.requests.publish({ runId: run.id, attempt: 1 });
  await queuedSince(db, run, 3_600);

  await sweepPass(service.deps);

  expect(await jobsIn(redis, QUEUE)).toHaveLength(1);
  expect(await countQueueEvents(redis, QUEUE)).toEqual({ added: 1, waiting: 1 });
});

test("a job that a runner has in hand, not yet claimed, is left to it", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "QUEUED" });
  await service.deps.requests.publish({ runId: run.id, attempt: 1 });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const worker = takeJobs(redis, () => released);
  try {
    await expect.poll(() => jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    await queuedSince(db, run, 31);

    await sweepPass(service.deps);

    expect(await jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    expect(await countQueueEvents(redis, QUEUE)).toMatchObject({ added: 1 });
  } finally {
    release();
    await worker.close();
  }
});

for (const [ending, finish] of [
  ["completed", async () => undefined],
  [
    "failed",
    async () => {
      throw new Error("the runner had a bad day");
    },
  ],
] as const) {
  test(`a job that ${ending} without a claim is removed and added again`, async ({ db, world, redis, service }) => {
    const acme = await world.tenant();
    const run = await (await acme.workflow()).run({ status: "QUEUED" });
    await service.deps.requests.publish({ runId: run.id, attempt: 1 });
    const worker = takeJobs(redis, finish);
    await expect.poll(() => jobsIn(redis, QUEUE, [ending])).toHaveLength(1);
    await worker.close();
    await queuedSince(db, run, 31);

    await sweepPass(service.deps);

    expect((await jobsIn(redis, QUEUE, ["waiting"])).map(({ id }) => id)).toEqual([`${run.id}_1`]);
    expect(await jobsIn(redis, QUEUE, [ending])).toEqual([]);
  });
}

test("a stranger's job under the run's id does not stop the sweep", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [first, second] = [await workflow.run({ status: "QUEUED" }), await workflow.run({ status: "QUEUED" })];
  await addJob(redis, QUEUE, `${first.id}_1`, { nonsense: true });
  for (const run of [first, second]) await queuedSince(db, run, 31);

  await sweepPass(service.deps);

  expect((await jobsIn(redis, QUEUE, ["waiting"])).map(({ id }) => id).sort()).toEqual([
    `${first.id}_1`,
    `${second.id}_1`,
  ]);
});

test("the loop goes on after a sweep that failed", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await lapse(db, run);
  const reopen = await closeDatabase(db, service.deps.pool);
  await expect(sweepPass(service.deps)).rejects.toThrow();
  const loop = startIntervalLoop({
    name: "sweep",
    intervalMs: 50,
    pass: () => sweepPass(service.deps),
    log: service.deps.log,
  });
  try {
    await reopen();

    await expect.poll(async () => (await run.row()).status, { timeout: 10_000 }).toBe("PENDING");
  } finally {
    await loop.stop();
  }
});

/** A runner that claims nothing and does with its jobs as it likes. */
function takeJobs(redis: TestRedis, work: () => Promise<void>): Worker {
  const worker = new Worker(QUEUE, work, {
    connection: { url: redis.url, maxRetriesPerRequest: null },
    prefix: redis.prefix,
  });
  worker.on("error", () => undefined);
  return worker;
}
