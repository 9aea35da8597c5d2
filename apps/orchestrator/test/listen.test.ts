import { startListening, workflowRuns } from "@control-plane/db";
import { createLogger, startIntervalLoop } from "@control-plane/service-kit";
import { test as base, openStoreWire, type TestDatabase, type TestWorkflow } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import { startDispatchLoop } from "../src/loops/dispatch.ts";
import { test as serviceTest } from "./service.ts";

const CHANNEL = "runs_pending";
const log = createLogger({ service: "orchestrator", level: "silent" });

/** A listener on a wire that can be cut. It may be stopped in the middle of a test; stopping twice is harmless. */
const test = base.extend("ears", async ({ db }, { onCleanup }) => {
  const wire = await openStoreWire(db.urlAs("cp_orchestrator"));
  let heard = 0;
  const listen = () =>
    startListening({
      databaseUrl: wire.url,
      applicationName: "orchestrator",
      channel: CHANNEL,
      onNotify: () => {
        heard += 1;
      },
      log,
    });
  const loops: ReturnType<typeof startListening>[] = [];
  const stop = async () => {
    await Promise.all(loops.map((loop) => loop.stop()));
  };
  onCleanup(async () => {
    await stop();
    await wire.close();
  });
  return { wire, heard: () => heard, start: () => void loops.push(listen()), stop };
});

/** Sessions that listen: connected, and their last statement was `listen`. */
async function listeners({ pool, name }: TestDatabase): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = $1 and application_name = $2 and state = 'idle' and query ilike 'listen%'",
    [name, `orchestrator-listen-${CHANNEL}`],
  );
  return rows.map(({ pid }) => pid);
}

const sessions = async ({ pool, name }: TestDatabase) =>
  (
    await pool.query(
      "select from pg_stat_activity where datname = $1 and application_name like 'orchestrator-listen%'",
      [name],
    )
  ).rowCount;

test("a run that is inserted is heard of, in whatever way and once per statement", async ({ db, world, ears }) => {
  const workflow: TestWorkflow = await (await world.tenant()).workflow();
  ears.start();
  await expect.poll(ears.heard).toBe(1);

  await workflow.run();
  await expect.poll(ears.heard).toBe(2);
  await db.pool.query(
    `insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at)
       select tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at
         from workflow_runs cross join generate_series(1, 50)`,
  );

  await expect.poll(ears.heard).toBe(3);
  expect(await db.db.$count(workflowRuns)).toBe(51);
});

test("a run that is rolled back is not heard of, nor is another channel", async ({ db, world, ears }) => {
  const workflow = await (await world.tenant()).workflow();
  await workflow.run();
  ears.start();
  await expect.poll(ears.heard).toBe(1);
  await db.pool.query(
    `begin; insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at)
       select tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at from workflow_runs; rollback`,
  );
  await db.pool.query("notify emails_queued");

  await db.pool.query(`notify ${CHANNEL}`);

  await expect.poll(ears.heard).toBe(2);
});

test("a connection that the server ends is made again, and what was missed meanwhile is made up for", async ({
  db,
  ears,
}) => {
  ears.start();
  await expect.poll(() => listeners(db)).toHaveLength(1);
  // The first connection is told of once, which may come a moment after it is seen.
  await expect.poll(ears.heard).toBe(1);
  const [pid] = await listeners(db);
  const before = ears.heard();
  await db.pool.query("select pg_terminate_backend($1)", [pid]);

  await expect.poll(async () => (await listeners(db)).filter((other) => other !== pid)).toHaveLength(1);
  await expect.poll(ears.heard).toBe(before + 1);
  await db.pool.query(`notify ${CHANNEL}`);

  await expect.poll(ears.heard).toBe(before + 2);
  expect(await sessions(db)).toBe(1);
});

test("a connection that is killed again and again leaves one listener", async ({ db, ears }) => {
  ears.start();
  for (let times = 0; times < 3; times++) {
    await expect.poll(() => listeners(db)).toHaveLength(1);
    const [pid] = await listeners(db);
    await db.pool.query("select pg_terminate_backend($1)", [pid]);
    await expect.poll(async () => (await listeners(db)).includes(pid ?? 0)).toBe(false);
  }

  await expect.poll(() => listeners(db)).toHaveLength(1);
  expect(await sessions(db)).toBe(1);
});

test("without PostgreSQL at the start it listens as soon as there is one", async ({ db, ears }) => {
  ears.wire.cut();
  ears.start();
  expect(ears.heard()).toBe(0);

  ears.wire.restore();

  await expect.poll(ears.heard).toBe(1);
  await db.pool.query(`notify ${CHANNEL}`);
  await expect.poll(ears.heard).toBe(2);
});

test("a database that refuses its role is tried until it does not", async ({ db, ears }) => {
  await db.pool.query(`alter database ${db.name} connection limit 0`);
  ears.start();
  await expect(ears.heard()).toBe(0);

  await db.pool.query(`alter database ${db.name} connection limit -1`);

  await expect.poll(ears.heard).toBe(1);
  await expect.poll(() => listeners(db)).toHaveLength(1);
});

test("stopped, it leaves no session, whether it was listening, connecting or waiting to try again", async ({
  db,
  ears,
}) => {
  ears.start();
  await expect.poll(() => listeners(db)).toHaveLength(1);
  ears.start();
  await ears.stop();
  expect(await sessions(db)).toBe(0);

  ears.wire.cut();
  ears.start();
  await ears.stop();
  ears.wire.restore();
  const heard = ears.heard();
  await db.pool.query(`notify ${CHANNEL}`);

  expect(await sessions(db)).toBe(0);
  expect(ears.heard()).toBe(heard);
});

serviceTest("NOTIFY wakes the dispatcher, which would have slept for an hour", async ({ db, world, service }) => {
  const workflow = await (await world.tenant()).workflow();
  const loop = startDispatchLoop(service.deps, 3_600_000);
  const listening = startListening({
    databaseUrl: service.deps.databaseUrl,
    applicationName: "orchestrator",
    channel: CHANNEL,
    onNotify: service.deps.dispatchSignal.wake,
    log,
  });
  const queued = () => db.db.$count(workflowRuns, eq(workflowRuns.status, "QUEUED"));
  try {
    await expect.poll(() => listeners(db)).toHaveLength(1);
    await workflow.run();
    await expect.poll(queued).toBe(1);

    const [pid] = await listeners(db);
    await db.pool.query("select pg_terminate_backend($1)", [pid]);
    await expect.poll(() => listeners(db)).not.toContain(pid);
    await workflow.run();

    await expect.poll(queued).toBe(2);
  } finally {
    await listening.stop();
    await loop.stop();
  }
});

serviceTest("wakes that meet a pass lead to one more, and after the stop to none", async ({ world, service }) => {
  await (await world.tenant()).workflow();
  let passes = 0;
  let release = () => {};
  const loop = startIntervalLoop({
    name: "test",
    intervalMs: 3_600_000,
    pass: () => {
      passes += 1;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    },
    log: service.deps.log,
  });
  for (let times = 0; times < 5; times++) loop.wake();
  expect(passes).toBe(1);
  release();
  await expect.poll(() => passes).toBe(2);
  release();

  await loop.stop();
  loop.wake();

  expect(passes).toBe(2);
});
