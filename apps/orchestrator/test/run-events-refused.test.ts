import { signRunEvents } from "@control-plane/queue";
import { expect } from "vitest";
import { takeRunEvents } from "../src/domain/take-run-events.ts";
import { addJob, jobsIn } from "./queues.ts";
import {
  AT,
  ended,
  endedAtOnce,
  jobFor,
  QUEUE,
  queueIsEmpty,
  sendJob,
  started,
  succeeded,
  test,
} from "./run-events-jobs.ts";
import { deadLettersIn, stateOf, statusOf } from "./stored-state.ts";

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

  await sendJob(redis, job);

  await expect.poll(() => deadLettersIn(db)).toHaveLength(1);
  const [letter] = await deadLettersIn(db);
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
  const good = jobFor(run, [endedAtOnce]);
  const forgeries = [
    { ...good, body: good.body.replace("true", "null") },
    { ...good, body: `${good.body} ` },
    { ...good, signature: signRunEvents(foreign.leaseToken, good.body) },
    { ...jobFor(foreign, [endedAtOnce]), runId: run.id },
    { ...good, signature: signRunEvents("", good.body) },
  ];

  const outcomes = [];
  for (const forgery of forgeries) outcomes.push(await takeRunEvents(service.deps, forgery));

  expect(outcomes).toEqual(forgeries.map(() => "dead-letter"));
  expect((await deadLettersIn(db)).map(({ tenantId, reason }) => [tenantId, reason])).toEqual(
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
    const whole =
      Object.keys(data).length === 0 ? data : { contractVersion: 1, ...jobFor(run, [endedAtOnce]), ...data };

    await addJob(redis, QUEUE, "malformed", whole, { attempts: 10 });
    await sendJob(redis, jobFor(next, [endedAtOnce]));

    await expect.poll(() => statusOf(next)).toBe("SUCCEEDED");
    await expect.poll(() => jobsIn(redis, QUEUE, ["failed"])).toHaveLength(1);
    const [failed] = await jobsIn(redis, QUEUE, ["failed"]);
    expect([failed?.id, failed?.attemptsMade]).toEqual(["malformed", 1]);
    expect((await deadLettersIn(db)).map(({ kind, reason }) => [kind, reason])).toEqual([
      ["RUN_EVENT", "EVENT_UNREADABLE"],
    ]);
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
  expect((await deadLettersIn(db)).map(({ reason, referenceId }) => [reason, referenceId])).toEqual(
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
  expect((await deadLettersIn(db)).map(({ tenantId, reason, referenceId }) => [tenantId, reason, referenceId])).toEqual(
    [
      [acme.id, "EVENT_INVALID", run.id],
      [acme.id, "EVENT_INVALID", run.id],
    ],
  );
  expect(await stateOf(run)).toEqual(before);
});

test("a letter holds a job as large as it may be, and a larger one endedAtOnce by name", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });

  const kept = jobFor(run, [], { body: "x".repeat(60_000) });
  const large = jobFor(run, [], { body: "x".repeat(66_000) });
  for (const job of [kept, large]) await takeRunEvents(service.deps, job);

  expect((await deadLettersIn(db)).map(({ payload }) => payload)).toEqual([kept, { truncated: true }]);
});

for (const [name, data] of [
  ["that grows in PostgreSQL's notation", { list: Array(32_000).fill(1) }],
  ["with numbers that PostgreSQL writes out", { list: Array(1_000).fill(1e300) }],
] as const) {
  test(`an unreadable job ${name} is a dead letter all the same`, async ({ db, redis, consumer: _ }) => {
    await addJob(redis, QUEUE, "hostile", data, { attempts: 10 });

    await expect.poll(() => deadLettersIn(db)).toHaveLength(1);
    expect((await deadLettersIn(db)).map(({ reason, payload }) => [reason, payload])).toEqual([
      ["EVENT_UNREADABLE", { truncated: true }],
    ]);
    await expect.poll(() => jobsIn(redis, QUEUE, ["failed"])).toHaveLength(1);
  });
}

test("events of an unknown run are dropped", async ({ db, world, redis, consumer: _ }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  const before = await stateOf(run);

  await sendJob(redis, { ...jobFor(run, [endedAtOnce]), runId: "00000000-0000-7000-8000-000000000000" });
  await queueIsEmpty(redis);

  expect(await stateOf(run)).toEqual(before);
  expect(await deadLettersIn(db)).toEqual([]);
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

  await sendJob(redis, jobFor(run, [endedAtOnce], { attempt: 2 }));
  await sendJob(redis, jobFor(run, [endedAtOnce], { attempt: 7, signature: "0".repeat(64) }));
  await queueIsEmpty(redis);

  expect(await stateOf(run)).toEqual(before);
  expect(await deadLettersIn(db)).toEqual([]);
});

for (const status of ["PENDING", "QUEUED", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const) {
  test(`new events of a run that is ${status} change nothing and block nothing`, async ({ db, world, service }) => {
    const acme = await world.tenant();
    const run = await (await acme.workflow()).run({ status });
    const before = await stateOf(run);

    const outcome = await takeRunEvents(service.deps, jobFor(run, [started, succeeded, ended]));

    expect(outcome).toBe("dropped");
    expect(await stateOf(run)).toEqual(before);
    expect(await deadLettersIn(db)).toEqual([]);
    expect(service.wakes()).toBe(0);
  });
}
