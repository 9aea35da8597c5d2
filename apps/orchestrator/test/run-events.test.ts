import { deadLetters, runEventBuffer, stepRuns, workflowRuns } from "@control-plane/db";
import { type RunEvents, runEvents, signRunEvents } from "@control-plane/queue";
import type { TestDatabase, TestRedis, TestRun } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import { startRunEventsConsumer, takeRunEvents } from "../src/consumers/run-events.ts";
import { closeDatabase } from "./close-database.ts";
import { addJob, jobsIn } from "./queues.ts";
import { test as base } from "./service.ts";

/** The consumer as `main.ts` starts it; a test may stop it and start another. */
const test = base.extend("consumer", async ({ service, redis }, { onCleanup }) => {
  const start = () => startRunEventsConsumer(service.deps, { url: redis.url, prefix: redis.prefix });
  const running = new Set([start()]);
  const stop = async () => {
    await Promise.all([...running].map((consumer) => consumer.close()));
    running.clear();
  };
  onCleanup(stop);
  return { stop, start: () => void running.add(start()) };
});

const QUEUE = runEvents.name;
/** Shorter than the contract's, so that the second try comes soon. */
const BACKOFF = { type: "fixed", delay: 500 };
const AT = new Date().toISOString();
const [started, succeeded, ended] = [
  { seq: 1, type: "step.started", at: AT, stepKey: "echo", input: { echoed: 1 } },
  { seq: 2, type: "step.succeeded", at: AT, stepKey: "echo", output: { echoed: 1 } },
  { seq: 3, type: "run.succeeded", at: AT, output: { done: true } },
] as const;
const only = { ...ended, seq: 1 };

type Event = { seq: number; type: string } & Record<string, unknown>;

function jobFor(run: TestRun, events: readonly Event[], over: Partial<RunEvents> = {}): RunEvents {
  const body = over.body ?? JSON.stringify({ events });
  return { runId: run.id, attempt: 1, body, signature: signRunEvents(run.leaseToken, body), ...over };
}

/** As a runner adds it. */
function send(redis: TestRedis, payload: RunEvents, id = runEvents.jobId(payload)) {
  return addJob(redis, QUEUE, id, { contractVersion: 1, ...payload }, { attempts: 10, backoff: BACKOFF });
}

const queueIsEmpty = (redis: TestRedis) =>
  expect.poll(() => jobsIn(redis, QUEUE, ["waiting", "active", "delayed"]), { timeout: 10_000 }).toEqual([]);

const letters = ({ db }: TestDatabase) => db.select().from(deadLetters).orderBy(deadLetters.id);

const stateOf = async (run: TestRun) => [await run.row(), await run.steps()];

const statusOf = async (run: TestRun) => (await run.row()).status;

test("events of a job move the run and its steps, and the job is gone", async ({
  db,
  world,
  redis,
  service,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });

  await send(redis, jobFor(run, [started, succeeded, ended]));

  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  const row = await run.row();
  expect([row.output, row.lastEventSeq, row.leaseExpiresAt, row.error]).toEqual([{ done: true }, 3, null, null]);
  const steps = await run.steps();
  expect(steps).toHaveLength(1);
  expect(steps[0]).toMatchObject({ status: "SUCCEEDED", input: { echoed: 1 }, output: { echoed: 1 } });
  await expect.poll(() => jobsIn(redis, QUEUE)).toEqual([]);
  expect(service.wakes()).toBe(1);
  expect(await letters(db)).toEqual([]);
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

  await send(redis, jobFor(run, [started]));

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

  await send(redis, jobFor(run, [{ seq: 1, type: "run.failed", at: AT, error }]));

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
    for (const event of orders[index] ?? []) await send(redis, jobFor(run, [event]));

  consumer.start();

  for (const run of runs) {
    await expect.poll(() => statusOf(run), { timeout: 10_000 }).toBe("SUCCEEDED");
    const row = await run.row();
    expect([row.output, row.lastEventSeq]).toEqual([{ done: true }, 3]);
    expect((await run.steps()).map(({ status, output }) => [status, output])).toEqual([["SUCCEEDED", { echoed: 1 }]]);
  }
  await queueIsEmpty(redis);
  expect(await db.db.$count(runEventBuffer)).toBe(0);
  expect(await letters(db)).toEqual([]);
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
  await send(redis, job);
  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  await queueIsEmpty(redis);
  const before = await stateOf(run);

  await send(redis, job);
  await send(redis, job, "another-id");
  await send(redis, jobFor(run, [succeeded]), "a-part-of-it");
  await queueIsEmpty(redis);

  expect(await stateOf(run)).toEqual(before);
  expect(await db.db.$count(stepRuns)).toBe(1);
  expect(await letters(db)).toEqual([]);
});

test("a job that comes again while the run goes on repeats no step", async ({ db, world, redis, consumer: _ }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await send(redis, jobFor(run, [started, succeeded]));
  await expect.poll(async () => (await run.row()).lastEventSeq).toBe(2);
  const steps = await run.steps();

  await send(redis, jobFor(run, [{ ...started, input: { echoed: 2 } }]), "again");
  await send(redis, jobFor(run, [{ ...succeeded, output: { echoed: 2 } }]), "and-again");
  await queueIsEmpty(redis);

  expect(await run.steps()).toEqual(steps);
  expect([await statusOf(run), (await run.row()).lastEventSeq]).toEqual(["RUNNING", 2]);
  expect(await letters(db)).toEqual([]);
});

test("a signature that does not verify is a dead letter of the run's tenant, and nothing is applied", async ({
  db,
  world,
  redis,
  service,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const before = await stateOf(run);
  const job = jobFor(run, [started, ended], { signature: "0".repeat(64) });

  await send(redis, job);

  await expect.poll(() => letters(db)).toHaveLength(1);
  const [letter] = await letters(db);
  expect(letter).toMatchObject({
    tenantId: acme.id,
    kind: "RUN_EVENT",
    referenceId: run.id,
    reason: "EVENT_UNVERIFIED",
    status: "OPEN",
    payload: job,
  });
  await queueIsEmpty(redis);
  expect(await stateOf(run)).toEqual(before);
  expect(service.wakes()).toBe(0);
});

test("a signature covers the body: one changed byte, another run's lease, or the token itself as key are refused", async ({
  db,
  world,
  service,
}) => {
  const [acme, other] = [await world.tenant(), await world.tenant()];
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const foreign = await (await other.workflow()).run({ status: "RUNNING" });
  const before = [await stateOf(run), await stateOf(foreign)];
  const good = jobFor(run, [only]);
  const forgeries = [
    { ...good, body: good.body.replace("true", "null") },
    { ...good, body: `${good.body} ` },
    { ...good, signature: signRunEvents(foreign.leaseToken, good.body) },
    { ...jobFor(foreign, [only]), runId: run.id },
    { ...good, signature: signRunEvents("", good.body) },
  ];

  const outcomes = [];
  for (const forgery of forgeries) outcomes.push(await takeRunEvents(service.deps, forgery));

  expect(outcomes).toEqual(forgeries.map(() => "dead-letter"));
  expect((await letters(db)).map(({ tenantId, reason }) => [tenantId, reason])).toEqual(
    forgeries.map(() => [acme.id, "EVENT_UNVERIFIED"]),
  );
  expect([await stateOf(run), await stateOf(foreign)]).toEqual(before);
});

for (const [name, data] of [
  ["no object at all", []],
  ["empty", {}],
  ["of an unknown contract version", { contractVersion: 2 }],
  ["without a version", { contractVersion: undefined }],
  ["with a run id that is no uuid", { runId: "1; drop table workflow_runs" }],
  ["with attempt 0", { attempt: 0 }],
  ["with an attempt as text", { attempt: "1" }],
  ["without a signature", { signature: undefined }],
  ["with a signature in capitals", { signature: "A".repeat(64) }],
  ["with a body that is no text", { body: { events: [] } }],
] as const) {
  test(`a job ${name} fails for good and is a dead letter, and the next job is taken`, async ({
    db,
    world,
    redis,
    consumer: _,
  }) => {
    const acme = await world.tenant();
    const workflow = await acme.workflow();
    const [run, next] = [await workflow.run({ status: "RUNNING" }), await workflow.run({ status: "RUNNING" })];
    const before = await stateOf(run);
    const whole = Object.keys(data).length === 0 ? data : { contractVersion: 1, ...jobFor(run, [only]), ...data };

    await addJob(redis, QUEUE, "malformed", whole, { attempts: 10 });
    await send(redis, jobFor(next, [only]));

    await expect.poll(() => statusOf(next)).toBe("SUCCEEDED");
    await expect.poll(() => jobsIn(redis, QUEUE, ["failed"])).toHaveLength(1);
    const [failed] = await jobsIn(redis, QUEUE, ["failed"]);
    expect([failed?.id, failed?.attemptsMade]).toEqual(["malformed", 1]);
    expect((await letters(db)).map(({ kind, reason }) => [kind, reason])).toEqual([["RUN_EVENT", "EVENT_UNREADABLE"]]);
    expect(await stateOf(run)).toEqual(before);
  });
}

test("a body that holds no events is a dead letter, and nothing is applied", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const before = await stateOf(run);
  const bodies = [
    "",
    "{",
    "null",
    "[]",
    '{"events":[]}',
    '{"events":{}}',
    '{"events":[{"seq":1,"type":"run.exploded","at":"2026-01-01T00:00:00Z"}]}',
    '{"events":[{"seq":0,"type":"run.succeeded","at":"2026-01-01T00:00:00Z"}]}',
    '{"events":[{"seq":1,"type":"run.succeeded","at":"yesterday"}]}',
    JSON.stringify({ events: Array.from({ length: 101 }, (_, index) => ({ ...started, seq: index + 1 })) }),
  ];

  const outcomes = [];
  for (const body of bodies) outcomes.push(await takeRunEvents(service.deps, jobFor(run, [], { body })));

  expect(outcomes).toEqual(bodies.map(() => "dead-letter"));
  expect((await letters(db)).map(({ reason, referenceId }) => [reason, referenceId])).toEqual(
    bodies.map(() => ["EVENT_UNREADABLE", run.id]),
  );
  expect(await stateOf(run)).toEqual(before);
});

test("one event that is not acceptable keeps the whole batch out", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const before = await stateOf(run);

  const outcomes = [
    await takeRunEvents(service.deps, jobFor(run, [started, { ...succeeded, stepKey: "unknown" }])),
    await takeRunEvents(service.deps, jobFor(run, [started, { seq: 2, type: "run.cancelled", at: AT }])),
  ];

  expect(outcomes).toEqual(["dead-letter", "dead-letter"]);
  expect((await letters(db)).map(({ tenantId, reason, referenceId }) => [tenantId, reason, referenceId])).toEqual([
    [acme.id, "EVENT_INVALID", run.id],
    [acme.id, "EVENT_INVALID", run.id],
  ]);
  expect(await stateOf(run)).toEqual(before);
});

test("a letter holds a job as large as it may be, and a larger one only by name", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });

  const kept = jobFor(run, [], { body: "x".repeat(60_000) });
  const large = jobFor(run, [], { body: "x".repeat(66_000) });
  for (const job of [kept, large]) await takeRunEvents(service.deps, job);

  expect((await letters(db)).map(({ payload }) => payload)).toEqual([kept, { truncated: true }]);
});

for (const [name, data] of [
  ["that grows in PostgreSQL's notation", { list: Array(32_000).fill(1) }],
  ["with numbers that PostgreSQL writes out", { list: Array(1_000).fill(1e300) }],
] as const) {
  test(`an unreadable job ${name} is a dead letter all the same`, async ({ db, redis, consumer: _ }) => {
    await addJob(redis, QUEUE, "hostile", data, { attempts: 10 });

    await expect.poll(() => letters(db)).toHaveLength(1);
    expect((await letters(db)).map(({ reason, payload }) => [reason, payload])).toEqual([
      ["EVENT_UNREADABLE", { truncated: true }],
    ]);
    await expect.poll(() => jobsIn(redis, QUEUE, ["failed"])).toHaveLength(1);
  });
}

test("events of an unknown run are dropped", async ({ db, world, redis, consumer: _ }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const before = await stateOf(run);

  await send(redis, { ...jobFor(run, [only]), runId: "00000000-0000-7000-8000-000000000000" });
  await queueIsEmpty(redis);

  expect(await stateOf(run)).toEqual(before);
  expect(await letters(db)).toEqual([]);
  expect(await jobsIn(redis, QUEUE)).toEqual([]);
});

test("events of another attempt are dropped, even with a signature that verifies or one that does not", async ({
  db,
  world,
  redis,
  consumer: _,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const before = await stateOf(run);

  await send(redis, jobFor(run, [only], { attempt: 2 }));
  await send(redis, jobFor(run, [only], { attempt: 7, signature: "0".repeat(64) }));
  await queueIsEmpty(redis);

  expect(await stateOf(run)).toEqual(before);
  expect(await letters(db)).toEqual([]);
});

for (const status of ["PENDING", "QUEUED", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const) {
  test(`new events of a run that is ${status} change nothing and block nothing`, async ({ db, world, service }) => {
    const acme = await world.tenant();
    const run = await (await acme.workflow()).run({ status });
    const before = await stateOf(run);

    const outcome = await takeRunEvents(service.deps, jobFor(run, [started, succeeded, ended]));

    expect(outcome).toBe("dropped");
    expect(await stateOf(run)).toEqual(before);
    expect(await letters(db)).toEqual([]);
    expect(service.wakes()).toBe(0);
  });
}

test("what waits while no consumer runs is taken by the next one", async ({ world, redis, consumer }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const runs = await Promise.all([1, 2, 3].map(() => workflow.run({ status: "RUNNING" })));
  for (const run of runs) await send(redis, jobFor(run, [started]));
  for (const run of runs) await expect.poll(async () => (await run.row()).lastEventSeq).toBe(1);

  await consumer.stop();
  for (const run of runs) await send(redis, jobFor(run, [succeeded, ended]));
  const waiting = await jobsIn(redis, QUEUE, ["waiting"]);
  consumer.start();

  for (const run of runs) await expect.poll(() => statusOf(run), { timeout: 10_000 }).toBe("SUCCEEDED");
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
    await send(redis, jobFor(run, [started]));
    await expect.poll(() => jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    stopped = consumer.stop();
    await send(redis, jobFor(run, [succeeded, ended]));
  });
  await stopped;
  const between = [(await run.row()).lastEventSeq, (await jobsIn(redis, QUEUE)).length];

  consumer.start();

  await expect.poll(() => statusOf(run), { timeout: 10_000 }).toBe("SUCCEEDED");
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
    await send(redis, jobFor(run, [started, succeeded, ended]));
    await expect.poll(() => jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    await expect.poll(() => service.deps.pool.totalCount).toBe(1);
    const reopen = await closeDatabase(db, service.deps.pool);
    await expect.poll(() => jobsIn(redis, QUEUE, ["delayed"])).toHaveLength(1);
    await reopen();
  });

  await expect.poll(() => statusOf(run), { timeout: 10_000 }).toBe("SUCCEEDED");
  expect((await run.steps()).map(({ status }) => status)).toEqual(["SUCCEEDED"]);
  expect(await letters(db)).toEqual([]);
  await queueIsEmpty(redis);
});

test("two consumers share the jobs, and each is applied once", async ({ db, world, redis, consumer }) => {
  const acme = await world.tenant({ maxConcurrentRuns: 100 });
  const workflow = await acme.workflow();
  consumer.start();
  const runs: TestRun[] = [];
  for (let index = 0; index < 10; index++) runs.push(await workflow.run({ status: "RUNNING" }));

  for (const run of runs) for (const event of [started, succeeded, ended]) await send(redis, jobFor(run, [event]));

  await expect
    .poll(() => db.db.$count(workflowRuns, eq(workflowRuns.status, "SUCCEEDED")), { timeout: 10_000 })
    .toBe(10);
  expect(await db.db.$count(stepRuns, eq(stepRuns.status, "SUCCEEDED"))).toBe(10);
  expect(await letters(db)).toEqual([]);
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
