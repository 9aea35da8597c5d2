import { retryRuns as retryMany } from "@control-plane/runs";
import { sql } from "drizzle-orm";
import { expect } from "vitest";
import { retryRun } from "../src/actions/retry-run.ts";
import { retryRuns } from "../src/actions/retry-runs.ts";
import { test } from "./acme.ts";
import { addFailedRuns, countPerRun } from "./many-runs.ts";

const ENDS = ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const;

test("FAILED and TIMED_OUT runs get a retry, others only when they are named, open ones never", async ({
  acme,
  actions,
}) => {
  const { workflow } = acme;
  const ids = new Map<string, string>();
  for (const status of [...ENDS, "PENDING", "QUEUED", "RUNNING", "CANCELLING"] as const)
    ids.set((await workflow.run({ status })).id, status);
  const filter = { workflowId: workflow.id };
  const retried = async () =>
    (await acme.tenant.runs()).flatMap(({ retryOfRunId }) => ids.get(retryOfRunId ?? "") ?? []).sort();

  const reply = await actions.succeed(retryRuns, acme.owner, { filter });
  const byDefault = await retried();
  const named = await actions.succeed(retryRuns, acme.owner, { filter: { ...filter, statuses: ENDS } });

  expect(reply).toEqual({ matched: 2, created: 2, skipped: 0, remaining: 0 });
  expect(byDefault).toEqual(["FAILED", "TIMED_OUT"]);
  expect(named).toEqual({ matched: 4, created: 2, skipped: 2, remaining: 0 });
  expect(await retried()).toEqual([...ENDS].sort());
  expect(await actions.call(retryRuns, acme.owner, { filter: { ...filter, statuses: ["RUNNING"] } })).toBeRefused(
    "BAD_INPUT",
  );
});

test("repeated or doubled calls, and one for a single run, make no second retry", async ({ acme, actions, db }) => {
  await addFailedRuns(db.db, acme.workflow, 250);
  const [first] = await acme.tenant.runs();
  await actions.succeed(retryRun, acme.owner, { runId: first?.id });
  const filter = { workflowId: acme.workflow.id, statuses: ["FAILED"] };

  const replies = await Promise.all(Array.from({ length: 4 }, () => actions.call(retryRuns, acme.owner, { filter })));
  const again = await actions.succeed(retryRuns, acme.owner, { filter });

  for (const reply of replies) if (reply.outcome === "refused") expect(reply.code).toBe("CONFLICT");
  expect(again).toEqual({ matched: 250, created: 0, skipped: 250, remaining: 0 });
  const retries = (await acme.tenant.runs()).filter(({ source }) => source === "RETRY");
  expect([retries.length, new Set(retries.map(({ retryOfRunId }) => retryOfRunId)).size]).toEqual([250, 250]);
  expect(await countPerRun(db.db, acme.tenant.id, "workflow_run.created")).toEqual({ 1: 250 });
});

test("the oldest come first, in the order in which they will be dispatched; time that is over leaves the rest", async ({
  acme,
  db,
  service,
}) => {
  await addFailedRuns(db.db, acme.workflow, 25);
  const originals = (await acme.tenant.runs()).map(({ id }) => id);
  const caller = { ...acme.owner, userId: acme.owner.id, requestId: "test" };
  const filter = {
    workflowId: acme.workflow.id,
    statuses: ["FAILED"] as const,
    triggerId: undefined,
    createdFrom: undefined,
    createdTo: undefined,
    runIds: undefined,
  };
  const way = { from: "START", version: "ORIGINAL", traceparent: undefined } as const;
  const call = (workMs: number) =>
    retryMany(service.deps.bulkDb, caller, { filter, dryRun: false }, way, { batch: 10, workMs });

  const first = await call(0);
  const rest = await call(60_000);

  expect(first).toEqual({ matched: 25, created: 10, skipped: 0, remaining: 15 });
  expect(rest).toEqual({ matched: 25, created: 15, skipped: 10, remaining: 0 });
  const { rows } = await db.pool.query<{ id: string }>(
    "select retry_of_run_id as id from workflow_runs where source = 'RETRY' order by run_at, id",
  );
  expect(rows.map(({ id }) => id)).toEqual(originals);
});

test("a workflow that cannot run is skipped and counted", async ({ acme, actions, db }) => {
  await addFailedRuns(db.db, acme.workflow, 2);
  await db.db.execute(sql`update workflow_versions set is_latest = false where workflow_id = ${acme.workflow.id}`);
  const filter = { workflowId: acme.workflow.id };

  const latest = await actions.succeed(retryRuns, acme.owner, { filter, version: "LATEST" });
  const original = await actions.succeed(retryRuns, acme.owner, { filter });

  expect(latest).toEqual({ matched: 2, created: 0, skipped: 2, remaining: 0 });
  expect(original).toMatchObject({ matched: 2, created: 2, skipped: 0 });
});

test("from the failed step each keeps what it has done itself", async ({ acme, actions, db }) => {
  const done = await acme.workflow.run({ status: "RUNNING" });
  const undone = await acme.workflow.run({ status: "FAILED" });
  await db.db.execute(sql`update step_runs set status = 'SUCCEEDED', output = '7' where workflow_run_id = ${done.id}`);
  await db.db.execute(
    sql`update workflow_runs set status = 'FAILED', finished_at = now(), lease_expires_at = null where id = ${done.id}`,
  );

  await actions.succeed(retryRuns, acme.owner, { filter: { workflowId: acme.workflow.id }, from: "FAILED_STEP" });

  const { rows } = await db.pool.query(
    `select r.retry_of_run_id as original, s.step_key, s.attempt, s.status::text, s.output
       from workflow_runs r left join step_runs s on s.workflow_run_id = r.id where r.source = 'RETRY' order by r.id`,
  );
  expect(rows).toEqual([
    { original: done.id, step_key: "echo", attempt: 0, status: "SUCCEEDED", output: 7 },
    { original: undone.id, step_key: null, attempt: null, status: null, output: null },
  ]);
});

test("a dry run counts and writes nothing", async ({ acme, actions, db }) => {
  await addFailedRuns(db.db, acme.workflow, 2);

  const filter = { workflowId: acme.workflow.id };
  const reply = await actions.succeed(retryRuns, acme.owner, { filter, dryRun: true });

  expect(reply).toEqual({ matched: 2, created: 0, skipped: 0, remaining: 2 });
  expect(await acme.tenant.runs()).toHaveLength(2);
});

test("another tenant's runs match nothing, and a viewer is refused", async ({ acme, actions, world }) => {
  const stranger = await (await world.tenant()).user("owner");
  const viewer = await acme.tenant.user("viewer");
  const run = await acme.workflow.run({ status: "FAILED" });
  const filter = { runIds: [run.id] };

  const foreign = await actions.succeed(retryRuns, stranger, { filter });
  const viewed = await actions.call(retryRuns, viewer, { filter });

  expect(foreign).toEqual({ matched: 0, created: 0, skipped: 0, remaining: 0 });
  expect(viewed).toBeRefused("FORBIDDEN");
  expect(await acme.tenant.runs()).toHaveLength(1);
});
