import { hashToken } from "@control-plane/crypto";
import { test, type World } from "@control-plane/testkit";
import { expect } from "vitest";
import { applyEvents, findQueuedTooLong, queueRuns, sweepRuns } from "../src/index.ts";
import { fillRuns, rowsRead } from "./backlog.ts";
import { claimAttempt, lease, readEvents } from "./held-run.ts";

const TENANTS = 12;
const WINDOW = 24;
const settings = { cancelGraceSeconds: 30, queuedCheckSeconds: 30, batch: 100 };

async function addTenants(world: World): Promise<void> {
  for (let n = 0; n < TENANTS; n++) await (await world.tenant({ maxConcurrentRuns: 50 })).workflow();
}

test("a dispatch pass reads what it takes and one row a tenant, whatever waits and whatever ended", async ({
  db,
  world,
}) => {
  await addTenants(world);
  await fillRuns(db, { ended: 300, waiting: 400 });
  await world.tenant();

  const { scanned, read } = await rowsRead(db, async (orchestrator) => {
    const pass = await queueRuns(orchestrator, WINDOW);
    expect(pass).toMatchObject({ outcome: "done", queued: { length: WINDOW } });
  });

  expect(scanned).toBe(0);
  // Per tenant: its first row, and the look for the next tenant. Per run: chosen, then found again by its key.
  expect(read).toBeLessThanOrEqual(3 * TENANTS + 3 * WINDOW);
});

test("a pass that finds the window full reads no more than the window", async ({ db, world }) => {
  await addTenants(world);
  await fillRuns(db, { ended: 50, waiting: 100 });
  await queueRuns(db.db, WINDOW);

  const { scanned, read } = await rowsRead(db, (orchestrator) => queueRuns(orchestrator, WINDOW));

  expect(scanned).toBe(0);
  expect(read).toBeLessThanOrEqual(WINDOW);
});

test("a sweep with nothing to end reads what is in flight, not what waits or has ended", async ({ db, world }) => {
  await addTenants(world);
  await fillRuns(db, { ended: 300, waiting: 300 });
  await queueRuns(db.db, WINDOW);

  const { scanned, read } = await rowsRead(db, async (orchestrator) => {
    await sweepRuns(orchestrator, settings);
    expect(await findQueuedTooLong(orchestrator, settings, [])).toEqual([]);
  });

  expect(scanned).toBe(0);
  expect(read).toBeLessThanOrEqual(2 * WINDOW);
});

test("a claim and a batch of events look up their own run and steps, whatever else there is", async ({ db, world }) => {
  const workflow = await (await world.tenant()).workflow();
  await fillRuns(db, { ended: 500, waiting: 500 });
  const [first, second] = [await workflow.run({ status: "QUEUED" }), await workflow.run({ status: "QUEUED" })];

  const { scanned, read } = await rowsRead(
    db,
    async (orchestrator) => {
      for (const run of [first, second]) {
        const claimed = await claimAttempt(orchestrator, run, 1);
        const [step] = claimed.bundle.steps;
        const events = readEvents([
          { seq: 1, type: "step.started", stepKey: step?.stepKey },
          { seq: 2, type: "step.succeeded", stepKey: step?.stepKey, output: 1 },
          { seq: 3, type: "run.succeeded" },
        ]);
        const batch = { runId: run.id, attempt: 1, events, proof: hashToken(claimed.leaseToken) };
        expect(await applyEvents(orchestrator, batch, lease)).toMatchObject({ appliedSeq: 3, status: "SUCCEEDED" });
      }
    },
    "runner",
  );

  expect(scanned).toBe(0);
  expect(read).toBeLessThanOrEqual(2 * 20);
});

test("everything that ran out of time is ended by one sweep, however much it is", async ({ db, world }) => {
  await addTenants(world);
  await fillRuns(db, { ended: 2, waiting: 3, running: 3 });
  await db.pool.query("update workflow_runs set deadline_at = now() where status = 'PENDING'");

  const swept = await sweepRuns(db.as("cp_orchestrator").db, { ...settings, batch: 5 });

  expect(swept).toEqual({ timedOut: TENANTS * 3, cancelled: 0, lapsed: TENANTS * 3, deadLettered: 0 });
  const { rows } = await db.pool.query("select status::text, count(*)::int from workflow_runs group by 1 order by 1");
  expect(rows).toEqual([
    { status: "PENDING", count: TENANTS * 3 },
    { status: "SUCCEEDED", count: TENANTS * 2 },
    { status: "TIMED_OUT", count: TENANTS * 3 },
  ]);
});
