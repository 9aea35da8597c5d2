import { runEventBuffer, stepRuns, workflowRuns } from "@control-plane/db";
import type { TestRun } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import { takeRunEvents } from "../src/domain/take-run-events.ts";
import { consumersOf, jobsIn } from "./queues.ts";
import { AT, ended, jobFor, QUEUE, queueIsEmpty, sendJob, started, succeeded, test } from "./run-events-jobs.ts";
import { cutPostgres } from "./service.ts";
import { deadLettersIn, stateOf, statusOf } from "./stored-state.ts";

test("events of a job move the run and its steps, and the job is gone", async ({
  db,
  world,
  redis,
  service,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });

  await sendJob(redis, jobFor(run, [started, succeeded, ended]));

  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  const row = await run.row();
  expect([row.output, row.lastEventSeq, row.leaseExpiresAt, row.error]).toEqual([{ done: true }, 3, null, null]);
  const steps = await run.steps();
  expect(steps).toHaveLength(1);
  expect(steps[0]).toMatchObject({ status: "SUCCEEDED", input: { echoed: 1 }, output: { echoed: 1 } });
  await expect.poll(() => jobsIn(redis, QUEUE)).toEqual([]);
  expect(service.wakes()).toBe(1);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("events short of the end keep the run and extend its lease", async ({
  db,
  world,
  redis,
  service,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const soon = new Date(Date.now() + 20_000);
  await db.db.update(workflowRuns).set({ leaseExpiresAt: soon });

  await sendJob(redis, jobFor(run, [started]));

  await expect.poll(async () => (await run.row()).lastEventSeq).toBe(1);
  const row = await run.row();
  expect([row.status, (row.leaseExpiresAt?.getTime() ?? 0) > soon.getTime()]).toEqual(["RUNNING", true]);
  expect((await run.steps()).map(({ status }) => status)).toEqual(["RUNNING"]);
  expect(service.wakes()).toBe(0);
});

test("a failure that may be retried gives the next attempt", async ({ world, redis, service, consumer: _ }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const error = { code: "UPSTREAM_AWAY", message: "try later", retryable: true };

  await sendJob(redis, jobFor(run, [{ seq: 1, type: "run.failed", at: AT, error }]));

  await expect.poll(() => statusOf(run)).toBe("PENDING");
  const row = await run.row();
  expect([row.attempt, row.error]).toMatchObject([2, { code: "UPSTREAM_AWAY" }]);
  expect(service.wakes()).toBe(1);
});

test("one event to a job, in whatever order they are taken, gives the same rows", async ({
  db,
  world,
  redis,
  consumer,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const orders = [
    [ended, succeeded, started],
    [succeeded, ended, started],
    [ended, started, succeeded],
  ];
  const runs = await Promise.all(orders.map(() => workflow.run({ status: "RUNNING" })));
  await consumer.stop();
  for (const [index, run] of runs.entries())
    for (const event of orders[index] ?? []) await sendJob(redis, jobFor(run, [event]));

  consumer.start();

  for (const run of runs) {
    await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
    const row = await run.row();
    expect([row.output, row.lastEventSeq]).toEqual([{ done: true }, 3]);
    expect((await run.steps()).map(({ status, output }) => [status, output])).toEqual([["SUCCEEDED", { echoed: 1 }]]);
  }
  await queueIsEmpty(redis);
  expect(await db.db.$count(runEventBuffer)).toBe(0);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("a job that comes again, by the same id or another, changes nothing", async ({
  db,
  world,
  redis,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const job = jobFor(run, [started, succeeded, ended]);
  await sendJob(redis, job);
  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  await queueIsEmpty(redis);
  const before = await stateOf(run);

  await sendJob(redis, job);
  await sendJob(redis, job, "another-id");
  await sendJob(redis, jobFor(run, [succeeded]), "a-part-of-it");
  await queueIsEmpty(redis);

  expect(await stateOf(run)).toEqual(before);
  expect(await db.db.$count(stepRuns)).toBe(1);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("a job that comes again while the run goes on repeats no step", async ({ db, world, redis, consumer: _ }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await sendJob(redis, jobFor(run, [started, succeeded]));
  await expect.poll(async () => (await run.row()).lastEventSeq).toBe(2);
  const steps = await run.steps();

  await sendJob(redis, jobFor(run, [{ ...started, input: { echoed: 2 } }]), "again");
  await sendJob(redis, jobFor(run, [{ ...succeeded, output: { echoed: 2 } }]), "and-again");
  await queueIsEmpty(redis);

  expect(await run.steps()).toEqual(steps);
  expect([await statusOf(run), (await run.row()).lastEventSeq]).toEqual(["RUNNING", 2]);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("what waits while no consumer runs is taken by the next one", async ({ world, redis, consumer }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const runs = await Promise.all([1, 2, 3].map(() => workflow.run({ status: "RUNNING" })));
  for (const run of runs) await sendJob(redis, jobFor(run, [started]));
  for (const run of runs) await expect.poll(async () => (await run.row()).lastEventSeq).toBe(1);

  await consumer.stop();
  for (const run of runs) await sendJob(redis, jobFor(run, [succeeded, ended]));
  const waiting = await jobsIn(redis, QUEUE, ["waiting"]);
  consumer.start();

  for (const run of runs) await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  expect(waiting).toHaveLength(3);
});

test("a consumer that is stopped in the middle of a job ends that job first, and the next one takes the rest", async ({
  db,
  world,
  redis,
  consumer,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  let stopped: Promise<void> = Promise.resolve();
  await db.db.transaction(async (tx) => {
    await tx.select().from(workflowRuns).where(eq(workflowRuns.id, run.id)).for("update");
    await sendJob(redis, jobFor(run, [started]));
    await expect.poll(() => jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    expect(await consumersOf(redis, QUEUE)).toBe(1);
    stopped = consumer.stop();
    // What comes before it has left off asking it may still take.
    await expect.poll(() => consumersOf(redis, QUEUE)).toBe(0);
    await sendJob(redis, jobFor(run, [succeeded, ended]));
  });
  await stopped;
  const between = [(await run.row()).lastEventSeq, (await jobsIn(redis, QUEUE)).length];

  consumer.start();

  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  expect(between).toEqual([1, 1]);
  expect((await run.steps()).map(({ status }) => status)).toEqual(["SUCCEEDED"]);
  await queueIsEmpty(redis);
});

test("a job that PostgreSQL breaks off is tried again, and applied once", async ({
  db,
  world,
  redis,
  service,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await db.db.transaction(async (tx) => {
    await tx.select().from(workflowRuns).where(eq(workflowRuns.id, run.id)).for("update");
    await sendJob(redis, jobFor(run, [started, succeeded, ended]));
    await expect.poll(() => jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    await expect.poll(() => service.deps.pool.totalCount).toBe(1);
    const reopen = await cutPostgres(db, service);
    await expect.poll(() => jobsIn(redis, QUEUE, ["delayed"])).toHaveLength(1);
    await reopen();
  });

  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  expect((await run.steps()).map(({ status }) => status)).toEqual(["SUCCEEDED"]);
  expect(await deadLettersIn(db)).toEqual([]);
  await queueIsEmpty(redis);
});

test("two consumers share the jobs, and each is applied once", async ({ db, world, redis, consumer }) => {
  const acme = await world.tenant({ maxConcurrentRuns: 100 });
  const workflow = await acme.workflow();
  consumer.start();
  const runs: TestRun[] = [];
  for (let index = 0; index < 10; index++) runs.push(await workflow.run({ status: "RUNNING" }));

  for (const run of runs) for (const event of [started, succeeded, ended]) await sendJob(redis, jobFor(run, [event]));

  await expect.poll(() => db.db.$count(workflowRuns, eq(workflowRuns.status, "SUCCEEDED"))).toBe(10);
  expect(await db.db.$count(stepRuns, eq(stepRuns.status, "SUCCEEDED"))).toBe(10);
  expect(await deadLettersIn(db)).toEqual([]);
});

test("jobs made as a runner without HTTP makes them end the run", async ({ redis, runner, world, consumer: _ }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "QUEUED" });
  const attempt = await runner.claim(run.id);
  const events = attempt.number(
    { type: "step.started", stepKey: "echo" },
    { type: "step.succeeded", stepKey: "echo", output: 1 },
    { type: "run.succeeded", output: 2 },
  );

  for (const event of events) await runner.enqueue(redis, attempt, [event]);

  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  expect((await run.row()).output).toBe(2);
});

test("what became of the jobs is counted", async ({ world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  for (const job of [
    jobFor(run, [started]),
    jobFor(run, [succeeded], { attempt: 2 }),
    jobFor(run, [succeeded], { signature: "0".repeat(64) }),
    jobFor(run, [], { body: "{" }),
  ])
    await takeRunEvents(service.deps, job);

  const metrics = (await service.server.inject("/metrics")).body;

  for (const outcome of ["applied", "stale", "unproven", "unreadable"])
    expect(metrics).toMatch(new RegExp(`^run_events_total\\{.*outcome="${outcome}".*\\} 1$`, "m"));
  expect(metrics).toMatch(/^dead_letters_total\{.*kind="RUN_EVENT".*\} 2$/m);
});
