import { workflowRuns } from "@control-plane/db";
import { runRequested } from "@control-plane/queue";
import { uniqueName } from "@control-plane/testkit";
import { asc, eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { dispatchPass } from "../src/domain/dispatch-pass.ts";
import { addDueRuns } from "./due-runs.ts";
import { fixedWindow } from "./fixed-window.ts";
import { countQueueEvents, jobIdsIn, jobsIn } from "./queues.ts";
import { test } from "./replica.ts";
import { runStatusesOf } from "./stored-state.ts";

const QUEUE = runRequested.name;

test("a due run becomes QUEUED and has one job, as the contract says", async ({ world, redis, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run();

  await dispatchPass(service.deps);

  const row = await run.row();
  expect([row.status, row.attempt]).toEqual(["QUEUED", 1]);
  expect(row.queuedAt).toBeInstanceOf(Date);
  const jobs = await jobsIn(redis, QUEUE, ["waiting"]);
  expect(jobs).toHaveLength(1);
  expect(jobs[0]).toMatchObject({
    id: `${run.id}_1`,
    data: { contractVersion: 1, runId: run.id, attempt: 1 },
    opts: { attempts: 1, removeOnComplete: { age: 3600 }, removeOnFail: { age: 86_400 } },
  });
  expect(Object.keys(jobs[0]?.data ?? {}).sort()).toEqual(["attempt", "contractVersion", "runId"]);
});

test("a pass over nothing that is due changes nothing", async ({ world, redis, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const later = await workflow.run({ runAt: new Date(Date.now() + 3_600_000) });
  const ended = await workflow.run({ status: "SUCCEEDED" });
  const before = await Promise.all([later.row(), ended.row()]);

  await dispatchPass(service.deps);

  expect(await Promise.all([later.row(), ended.row()])).toEqual(before);
  expect(await redis.keys()).toEqual([]);
});

test("a run that waits for its back-off is queued when that is over, not before", async ({
  db,
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run({ runAt: new Date(Date.now() + 3_600_000) });
  await dispatchPass(service.deps);
  expect((await run.row()).status).toBe("PENDING");

  await db.db.update(workflowRuns).set({ runAt: sql`now()` });
  await dispatchPass(service.deps);

  expect((await run.row()).status).toBe("QUEUED");
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${run.id}_1`]);
});

test("a second pass adds no job and touches no row", async ({ world, redis, service }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run();
  await dispatchPass(service.deps);
  const queued = await run.row();

  await dispatchPass(service.deps);

  expect(await run.row()).toEqual(queued);
  expect(await countQueueEvents(redis, QUEUE)).toMatchObject({ added: 1 });
});

test("QUEUED, RUNNING and CANCELLING take a tenant's slots; runs that ended do not", async ({
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant({ maxConcurrentRuns: 5 });
  const workflow = await acme.workflow();
  for (const status of ["QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const)
    await workflow.run({ status });
  const waiting = await addDueRuns(workflow, 4);

  await dispatchPass(service.deps);

  expect((await Promise.all(waiting.map((run) => run.row()))).map(({ status }) => status)).toEqual([
    "QUEUED",
    "QUEUED",
    "PENDING",
    "PENDING",
  ]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual(waiting.slice(0, 2).map(({ id }) => `${id}_1`));
});

test("a tenant at its limit waits, and its next run goes when one ends", async ({ world, redis, runner, service }) => {
  const acme = await world.tenant({ maxConcurrentRuns: 1 });
  const [first, second] = await addDueRuns(await acme.workflow(), 2);
  if (first === undefined || second === undefined) throw new Error("two runs were to be made");
  await dispatchPass(service.deps);
  const attempt = await runner.claim(first.id);
  await dispatchPass(service.deps);
  expect((await second.row()).status).toBe("PENDING");

  await attempt.send({ type: "run.succeeded" });
  expect(service.wakes()).toBe(1);
  await dispatchPass(service.deps);

  expect(await runStatusesOf(acme)).toEqual(["SUCCEEDED", "QUEUED"]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${first.id}_1`, `${second.id}_1`]);
});

test("a tenant whose limit was lowered below what it has in flight gets nothing and loses nothing", async ({
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant({ maxConcurrentRuns: 1 });
  const workflow = await acme.workflow();
  for (let index = 0; index < 3; index++) await workflow.run({ status: "RUNNING" });
  await workflow.run();

  await dispatchPass(service.deps);

  expect(await runStatusesOf(acme)).toEqual(["RUNNING", "RUNNING", "RUNNING", "PENDING"]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([]);
});

test("one tenant at its limit holds up no other", async ({ world, redis, service }) => {
  const [acme, other] = [await world.tenant({ maxConcurrentRuns: 1 }), await world.tenant()];
  const busy = await acme.workflow();
  await busy.run({ status: "RUNNING" });
  await addDueRuns(busy, 3);
  const [run] = await addDueRuns(await other.workflow(), 1);

  await dispatchPass(service.deps);

  expect(await runStatusesOf(acme)).toEqual(["RUNNING", "PENDING", "PENDING", "PENDING"]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${run?.id}_1`]);
});

test("every tenant gets its k-th slot before anybody's next, in the order of the jobs too", async ({
  world,
  redis,
  service,
}) => {
  const [acme, other] = [await world.tenant(), await world.tenant()];
  const many = await addDueRuns(await acme.workflow(), 10);
  const few = await addDueRuns(await other.workflow(), 3);

  await dispatchPass({ ...service.deps, dispatchWindow: fixedWindow(8) });

  const ids = await jobIdsIn(redis, QUEUE);
  const round = (index: number) => [`${many[index]?.id}_1`, `${few[index]?.id}_1`].sort();
  expect(ids.slice(0, 2).sort()).toEqual(round(0));
  expect(ids.slice(2, 4).sort()).toEqual(round(1));
  expect(ids.slice(4, 6).sort()).toEqual(round(2));
  expect(ids.slice(6)).toEqual([`${many[3]?.id}_1`, `${many[4]?.id}_1`]);
});

test("what a tenant has in flight counts as its turn", async ({ world, redis, service }) => {
  const [acme, other] = [await world.tenant(), await world.tenant()];
  const busy = await acme.workflow();
  await busy.run({ status: "RUNNING" });
  await busy.run({ status: "RUNNING" });
  await addDueRuns(busy, 4);
  const fresh = await addDueRuns(await other.workflow(), 2);

  await dispatchPass({ ...service.deps, dispatchWindow: fixedWindow(2) });

  expect(await jobIdsIn(redis, QUEUE)).toEqual(fresh.map(({ id }) => `${id}_1`));
  expect(await runStatusesOf(acme)).toEqual(["RUNNING", "RUNNING", ...Array(4).fill("PENDING")]);
});

test("no more rows are QUEUED at once than the window holds, over all tenants", async ({ db, world, service }) => {
  for (let tenant = 0; tenant < 3; tenant++) await addDueRuns(await (await world.tenant()).workflow(), 4);
  const queued = () => db.db.$count(workflowRuns, eq(workflowRuns.status, "QUEUED"));

  await dispatchPass({ ...service.deps, dispatchWindow: fixedWindow(5) });
  await dispatchPass({ ...service.deps, dispatchWindow: fixedWindow(5) });
  const full = await queued();
  await dispatchPass({ ...service.deps, dispatchWindow: fixedWindow(7) });

  expect([full, await queued()]).toEqual([5, 7]);
});

test("dispatchers that pass at the same moment queue each run once", async ({ db, world, redis, service, replica }) => {
  const tenants = [await world.tenant({ maxConcurrentRuns: 100 }), await world.tenant({ maxConcurrentRuns: 7 })];
  for (const tenant of tenants) await addDueRuns(await tenant.workflow(), 15);

  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      dispatchPass({ ...(index % 2 === 0 ? service : replica).deps, dispatchWindow: fixedWindow(200) }),
    ),
  );

  const queued = await db.db
    .select({ id: workflowRuns.id })
    .from(workflowRuns)
    .where(eq(workflowRuns.status, "QUEUED"))
    .orderBy(asc(workflowRuns.id));
  expect(queued).toHaveLength(15 + 7);
  expect((await jobIdsIn(redis, QUEUE)).sort()).toEqual(queued.map(({ id }) => `${id}_1`));
  expect(await countQueueEvents(redis, QUEUE)).toEqual({ added: 22, waiting: 22 });
});

test("a run whose deadline has passed is never queued: it is TIMED_OUT, and the one behind it goes", async ({
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant({ maxConcurrentRuns: 1 });
  const workflow = await acme.workflow();
  const late = await workflow.run({
    runAt: new Date(Date.now() - 7_200_000),
    deadlineAt: new Date(Date.now() - 1_000),
  });
  const [behind] = await addDueRuns(workflow, 1);

  await dispatchPass(service.deps);

  expect(await late.row()).toMatchObject({ status: "TIMED_OUT", error: { code: "QUEUE_DEADLINE" }, queuedAt: null });
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${behind?.id}_1`]);
});

test("a run that is being cancelled at that moment is not queued", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const [run, other] = await addDueRuns(await acme.workflow(), 2);
  if (run === undefined || other === undefined) throw new Error("two runs were to be made");
  await db.db.transaction(async (tx) => {
    await tx
      .update(workflowRuns)
      .set({ status: "CANCELLED", finishedAt: sql`now()` })
      .where(eq(workflowRuns.id, run.id));

    await dispatchPass(service.deps);
  });

  expect(await runStatusesOf(acme)).toEqual(["CANCELLED", "QUEUED"]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${other.id}_1`]);
});

test("input of a webhook that violates the inputSchema fails the run, and what is behind it is queued", async ({
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant({ maxConcurrentRuns: 1 });
  const workflow = await acme.workflow({ inputSchema: { type: "object", required: ["repo"] } });
  const runAt = (second: number) => new Date(Date.now() - 3_600_000 + second * 1_000);
  const bad = await workflow.run({ source: "WEBHOOK", input: { other: 1 }, runAt: runAt(0) });
  const deep: unknown = JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`);
  const nested = await workflow.run({ source: "WEBHOOK", input: deep, runAt: runAt(1) });
  const good = await workflow.run({ source: "WEBHOOK", input: { repo: "x" }, runAt: runAt(2) });

  await dispatchPass(service.deps);

  const [refused, alsoRefused, queued] = await Promise.all([bad.row(), nested.row(), good.row()]);
  expect([refused.status, refused.error]).toMatchObject(["FAILED", { code: "INPUT_INVALID", retryable: false }]);
  expect(refused.finishedAt).toBeInstanceOf(Date);
  expect([alsoRefused.status, alsoRefused.error]).toMatchObject(["FAILED", { code: "INPUT_INVALID" }]);
  expect(queued.status).toBe("QUEUED");
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${good.id}_1`]);
});

test("input that runWorkflow has checked is not checked again", async ({ world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow({ inputSchema: { type: "object", required: ["repo"] } });
  const run = await workflow.run({ source: "MANUAL", input: {} });

  await dispatchPass(service.deps);

  expect((await run.row()).status).toBe("QUEUED");
});

test("services with other queue prefixes do not see each other's jobs", async ({ world, redis, service }) => {
  const acme = await world.tenant();
  await addDueRuns(await acme.workflow(), 1);

  await dispatchPass(service.deps);

  expect(await jobsIn({ ...redis, prefix: uniqueName("testkit") }, QUEUE)).toEqual([]);
  expect((await redis.keys()).every((key) => key.startsWith(`:${QUEUE}:`))).toBe(true);
});
