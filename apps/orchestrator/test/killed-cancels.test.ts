import { expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { cancelRuns } from "../src/actions/cancel-runs.ts";
import { STALE, succeeded } from "./held-run.ts";
import { addPendingRuns, countPerRun, countStatuses } from "./many-runs.ts";
import { test } from "./orchestrator-process.ts";
import { stateOf, statusOf } from "./stored-state.ts";

const RUNS = 10_000;

test("10,000 runs whose cancelling is killed in the middle and called again are all CANCELLED, each told of once", async ({
  acme,
  db,
  mortal,
}) => {
  await addPendingRuns(db.db, acme.workflow, RUNS);
  const filter = { workflowId: acme.workflow.id };
  const cancelled = async () => (await countStatuses(db.db, acme.tenant.id))["CANCELLED"] ?? 0;
  await mortal.start();

  const killed = mortal.call(cancelRuns, acme.owner, { filter });
  await expect.poll(cancelled, { interval: 5 }).toBeGreaterThan(0);
  await mortal.kill();
  const answer = await killed;
  const between = await cancelled();
  await mortal.start();
  const again = async () => (await mortal.call(cancelRuns, acme.owner, { filter }))?.remaining;
  await expect.poll(again).toBe(0);

  expect(answer).toBeUndefined();
  expect(between).toBeLessThan(RUNS);
  expect(await countStatuses(db.db, acme.tenant.id)).toEqual({ CANCELLED: RUNS });
  expect(await countPerRun(db.db, acme.tenant.id, "workflow_run.cancel_requested")).toEqual({ 1: RUNS });
});

test("a run whose runner is dead is CANCELLED after the grace; what a zombie still writes is refused", async ({
  acme,
  mortal,
  runner,
}) => {
  const run = await acme.workflow.run({ status: "QUEUED" });
  const zombie = await runner.claim(run.id);
  // The lease outlives the test: only the grace can end the run.
  await mortal.start({ LEASE_SECONDS: "3600", CANCEL_GRACE_SECONDS: "1", SWEEP_INTERVAL_MS: "200" });
  await zombie.heartbeat();

  await mortal.call(cancelRun, acme.owner, { runId: run.id });
  await expect.poll(() => statusOf(run)).toBe("CANCELLED");
  const before = await stateOf(run);
  const writes = [await zombie.send(succeeded("echo"), { type: "run.succeeded" }), await zombie.heartbeat()];

  expect(writes).toMatchObject([STALE, STALE]);
  expect(await stateOf(run)).toEqual(before);
  expect((await run.steps()).map(({ status }) => status)).toEqual(["SKIPPED"]);
});
