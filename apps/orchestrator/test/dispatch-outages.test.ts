import { runRequested } from "@control-plane/queue";
import type { TestDatabase } from "@control-plane/testkit";
import { expect } from "vitest";
import { dispatchPass } from "../src/domain/dispatch-pass.ts";
import { sweepPass } from "../src/domain/sweep-pass.ts";
import { startDispatchLoop } from "../src/loops/dispatch.ts";
import { addDueRuns } from "./due-runs.ts";
import { queuedSince } from "./passed-time.ts";
import { flushQueues, jobIdsIn } from "./queues.ts";
import { test } from "./replica.ts";
import { cutPostgres } from "./service.ts";
import { runStatusesOf } from "./stored-state.ts";

const QUEUE = runRequested.name;

test("while Redis is away runs stay PENDING, and are queued when it is back", async ({ world, redis, replica }) => {
  const acme = await world.tenant();
  await addDueRuns(await acme.workflow(), 3);
  replica.wire.cut();

  await expect(dispatchPass(replica.deps)).rejects.toThrow();
  const away = await runStatusesOf(acme);
  replica.wire.restore();

  await expect.poll(() => dispatchPass(replica.deps).then(() => "done", String)).toBe("done");
  expect(away).toEqual(["PENDING", "PENDING", "PENDING"]);
  expect(await runStatusesOf(acme)).toEqual(["QUEUED", "QUEUED", "QUEUED"]);
  expect(await jobIdsIn(redis, QUEUE)).toHaveLength(3);
});

test("a Redis that answers nothing is noticed, and nothing is taken meanwhile", async ({ world, replica }) => {
  const acme = await world.tenant();
  await addDueRuns(await acme.workflow(), 1);
  replica.wire.hang();

  await expect(dispatchPass(replica.deps)).rejects.toThrow(/timed out/i);

  expect(await runStatusesOf(acme)).toEqual(["PENDING"]);
});

test("the loop goes on by itself after Redis was away", async ({ world, redis, replica }) => {
  const acme = await world.tenant();
  replica.wire.cut();
  const loop = startDispatchLoop(replica.deps, 50);
  try {
    const [run] = await addDueRuns(await acme.workflow(), 1);
    replica.wire.restore();

    await expect.poll(() => jobIdsIn(redis, QUEUE)).toEqual([`${run?.id}_1`]);
    expect(await runStatusesOf(acme)).toEqual(["QUEUED"]);
  } finally {
    await loop.stop();
  }
});

test("the loop goes on by itself after PostgreSQL was away", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  await addDueRuns(await acme.workflow(), 1);
  const reopen = await cutPostgres(db, service);
  await expect(dispatchPass(service.deps)).rejects.toThrow();
  const loop = startDispatchLoop(service.deps, 50);
  try {
    await reopen();

    await expect.poll(() => jobIdsIn(redis, QUEUE)).toHaveLength(1);
    expect(await runStatusesOf(acme)).toEqual(["QUEUED"]);
  } finally {
    await loop.stop();
  }
});

test("when Redis goes away between the commit and the jobs, the sweeper adds them", async ({
  db,
  world,
  redis,
  service,
  replica,
}) => {
  const acme = await world.tenant();
  const runs = await addDueRuns(await acme.workflow(), 3);
  const blocker = await db.pool.connect();
  let pass: Promise<unknown>;
  try {
    await blocker.query("begin");
    await blocker.query("lock table tenants in access exclusive mode");
    pass = dispatchPass(replica.deps).catch((error: unknown) => error);
    await expect.poll(() => waitingForLock(db)).toBe(1);
    replica.wire.cut();
    await blocker.query("rollback");
  } finally {
    blocker.release();
  }
  expect(await pass).toBeInstanceOf(Error);
  expect(await runStatusesOf(acme)).toEqual(["QUEUED", "QUEUED", "QUEUED"]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([]);

  for (const run of runs) await queuedSince(db, run, 31);
  await sweepPass(service.deps);

  expect((await jobIdsIn(redis, QUEUE)).sort()).toEqual(runs.map(({ id }) => `${id}_1`).sort());
  expect(await runStatusesOf(acme)).toEqual(["QUEUED", "QUEUED", "QUEUED"]);
});

async function waitingForLock(db: TestDatabase): Promise<number> {
  const { rows } = await db.pool.query<{ waiting: number }>(
    "select count(*)::int as waiting from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'",
    [db.name],
  );
  return rows[0]?.waiting ?? 0;
}

test("after a flush of Redis the sweeper adds every lost job, and the runs go on to their end", async ({
  db,
  world,
  redis,
  runner,
  service,
}) => {
  const acme = await world.tenant();
  const runs = await addDueRuns(await acme.workflow(), 3);
  await dispatchPass(service.deps);
  await flushQueues(redis);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([]);

  await sweepPass(service.deps);
  const early = await jobIdsIn(redis, QUEUE);
  for (const run of runs) await queuedSince(db, run, 31);
  await sweepPass(service.deps);
  const added = await jobIdsIn(redis, QUEUE);
  await runner.work(redis, "well");

  await expect.poll(() => runStatusesOf(acme)).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
  expect(early).toEqual([]);
  expect(added.sort()).toEqual(runs.map(({ id }) => `${id}_1`).sort());
});
