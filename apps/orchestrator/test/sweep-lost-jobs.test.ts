import { workflowRuns } from "@control-plane/db";
import { runRequested } from "@control-plane/queue";
import type { TestRedis } from "@control-plane/testkit";
import { Worker, type WorkerOptions } from "bullmq";
import { sql } from "drizzle-orm";
import { expect } from "vitest";
import { sweepPass } from "../src/domain/sweep-pass.ts";
import { lapseLease, queuedSince } from "./passed-time.ts";
import { addJob, countQueueEvents, jobIdsIn, jobsIn } from "./queues.ts";
import { test } from "./service.ts";

const QUEUE = runRequested.name;

test("a run queued for long without a job gets the job again, of its present attempt", async ({
  db,
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "RUNNING" });
  await lapseLease(db, run);
  await sweepPass(service.deps);
  await db.db.update(workflowRuns).set({ status: "QUEUED", queuedAt: sql`now() - interval '31 seconds'` });
  const before = await run.row();

  await sweepPass(service.deps);

  const jobs = await jobsIn(redis, QUEUE, ["waiting"]);
  expect(jobs.map(({ id, data }) => [id, data])).toEqual([
    [`${run.id}_2`, { contractVersion: 1, runId: run.id, attempt: 2 }],
  ]);
  const row = await run.row();
  expect([row.status, row.attempt]).toEqual(["QUEUED", 2]);
  expect(row.queuedAt?.getTime()).toBeGreaterThan(before.queuedAt?.getTime() ?? Number.NaN);
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
    const before = await run.row();

    await sweepPass(service.deps);

    expect(await jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
    expect(await countQueueEvents(redis, QUEUE)).toMatchObject({ added: 1 });
    // Not put off: should the runner die now, the sweep after its lock has lapsed sees it.
    expect(await run.row()).toEqual(before);
  } finally {
    release();
    await worker.close();
  }
});

test("a job whose runner died before its claim is added again once its lock has lapsed", async ({
  db,
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ status: "QUEUED" });
  await service.deps.requests.publish({ runId: run.id, attempt: 1 });
  const worker = takeJobs(redis, () => new Promise(() => undefined), { lockDuration: 1_000, skipStalledCheck: true });
  await expect.poll(() => jobsIn(redis, QUEUE, ["active"])).toHaveLength(1);
  await worker.close(true);
  await expect.poll(() => service.deps.requests.findJob({ runId: run.id, attempt: 1 })).toBe("lost");
  await queuedSince(db, run, 31);

  await sweepPass(service.deps);

  expect(await jobIdsIn(redis, QUEUE, ["waiting"])).toEqual([`${run.id}_1`]);
  expect(await jobsIn(redis, QUEUE, ["active"])).toEqual([]);
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

    expect(await jobIdsIn(redis, QUEUE, ["waiting"])).toEqual([`${run.id}_1`]);
    expect(await jobsIn(redis, QUEUE, [ending])).toEqual([]);
  });
}

test("more lost jobs than a look takes are all added by one sweep, runs in a runner's hand apart", async ({
  db,
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const deps = { ...service.deps, sweep: { ...service.deps.sweep, batch: 2 } };
  const runs = [];
  for (let index = 0; index < 5; index++) runs.push(await workflow.run({ status: "QUEUED" }));
  for (const [index, run] of runs.entries()) await queuedSince(db, run, 60 - index);

  await sweepPass(deps);

  expect((await jobIdsIn(redis, QUEUE)).sort()).toEqual(runs.map(({ id }) => `${id}_1`).sort());
});

test("a stranger's job under the run's id does not stop the sweep", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [first, second] = [await workflow.run({ status: "QUEUED" }), await workflow.run({ status: "QUEUED" })];
  await addJob(redis, QUEUE, `${first.id}_1`, { nonsense: true });
  for (const run of [first, second]) await queuedSince(db, run, 31);

  await sweepPass(service.deps);

  expect((await jobIdsIn(redis, QUEUE, ["waiting"])).sort()).toEqual([`${first.id}_1`, `${second.id}_1`]);
});

/** A runner that claims nothing and does with its jobs as it likes. */
function takeJobs(redis: TestRedis, work: () => Promise<void>, options: Partial<WorkerOptions> = {}): Worker {
  const worker = new Worker(QUEUE, work, {
    ...options,
    connection: { url: redis.url, maxRetriesPerRequest: null },
    prefix: redis.prefix,
  });
  worker.on("error", () => undefined);
  return worker;
}
