import { randomUUID } from "node:crypto";
import { cancelRuns as cancelMany } from "@control-plane/runs";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { cancelRuns } from "../src/actions/cancel-runs.ts";
import { test } from "./acme.ts";
import { addPendingRuns, countPerRun, countStatuses } from "./many-runs.ts";

const ENDED = { SUCCEEDED: 1, FAILED: 1, TIMED_OUT: 1 };

test("what waits is CANCELLED, what runs is CANCELLING, what is over or being cancelled stays; each has one event", async ({
  acme,
  actions,
  db,
  service,
}) => {
  const { workflow } = acme;
  const statuses = ["PENDING", "QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "TIMED_OUT"] as const;
  for (const status of statuses) await workflow.run({ status });

  const reply = await actions.succeed(cancelRuns, acme.owner, { filter: { workflowId: workflow.id } });
  const again = await actions.succeed(cancelRuns, acme.owner, { filter: { workflowId: workflow.id } });

  expect(reply).toEqual({ matched: 3, cancelled: 2, cancelling: 1, remaining: 0 });
  expect(again).toEqual({ matched: 0, cancelled: 0, cancelling: 0, remaining: 0 });
  expect(await countStatuses(db.db, acme.tenant.id)).toEqual({ ...ENDED, CANCELLED: 2, CANCELLING: 2 });
  const trail = (await acme.tenant.audit()).filter(({ actorId }) => actorId === acme.owner.id);
  expect(trail.map(({ action }) => action)).toEqual(Array(3).fill("workflow_run.cancel_requested"));
  expect(new Set(trail.map(({ targetId }) => targetId)).size).toBe(3);
  expect(service.wakes()).toBe(1);
});

test("a dry run counts and writes nothing", async ({ acme, actions, service }) => {
  await acme.workflow.run();
  const before = [await acme.tenant.runs(), (await acme.tenant.audit()).length];

  const reply = await actions.succeed(cancelRuns, acme.owner, {
    filter: { workflowId: acme.workflow.id },
    dryRun: true,
  });

  expect(reply).toEqual({ matched: 1, cancelled: 0, cancelling: 0, remaining: 1 });
  expect([await acme.tenant.runs(), (await acme.tenant.audit()).length]).toEqual(before);
  expect(service.wakes()).toBe(0);
});

test("each part of the filter narrows, and all of them hold together", async ({ acme, actions, world }) => {
  const { workflow } = acme;
  const other = await acme.tenant.workflow();
  const trigger = await workflow.webhook();
  const at = (hour: number) => `2026-01-01T0${hour}:00:00Z`;
  const plain = await workflow.run({ createdAt: new Date(at(1)) });
  const hooked = await workflow.run({ triggerId: trigger.id, createdAt: new Date(at(2)) });
  const running = await workflow.run({ status: "RUNNING", createdAt: new Date(at(3)) });
  const elsewhere = await other.run({ createdAt: new Date(at(4)) });
  const foreign = await (await (await world.tenant()).workflow()).run();
  const matched = async (filter: object) =>
    (await actions.succeed(cancelRuns, acme.owner, { filter, dryRun: true })).matched;
  const workflowId = workflow.id;

  const counts = {
    workflow: await matched({ workflowId }),
    trigger: await matched({ triggerId: trigger.id }),
    "trigger of another workflow": await matched({ triggerId: trigger.id, workflowId: other.id }),
    "unknown trigger": await matched({ triggerId: randomUUID() }),
    status: await matched({ workflowId, statuses: ["RUNNING", "RUNNING"] }),
    "from, inclusive": await matched({ workflowId, createdFrom: at(2) }),
    "to, exclusive": await matched({ workflowId, createdTo: at(2) }),
    ids: await matched({ runIds: [plain.id, hooked.id, running.id, elsewhere.id, foreign.id, randomUUID()] }),
    "ids of the workflow": await matched({ runIds: [plain.id, elsewhere.id], workflowId }),
    nulls: await matched({
      workflowId,
      triggerId: null,
      statuses: null,
      createdFrom: null,
      createdTo: null,
      runIds: null,
    }),
  };

  expect(counts).toEqual({
    workflow: 3,
    trigger: 1,
    "trigger of another workflow": 0,
    "unknown trigger": 0,
    status: 1,
    "from, inclusive": 2,
    "to, exclusive": 1,
    ids: 4,
    "ids of the workflow": 1,
    nulls: 3,
  });
});

test("what is no filter is bad input", async ({ acme, actions }) => {
  const workflowId = acme.workflow.id;
  const filters = [
    {},
    { statuses: ["PENDING"] },
    { workflowId: "7" },
    { workflowId, statuses: [] },
    { workflowId, statuses: ["FAILED"] },
    { workflowId, createdFrom: "yesterday" },
    { workflowId, createdTo: "0000-01-01T00:00:00Z" },
    { runIds: [] },
    { runIds: Array.from({ length: 1_001 }, () => randomUUID()) },
    { workflowId, tenantId: acme.tenant.id },
  ];

  for (const filter of filters)
    expect(await actions.call(cancelRuns, acme.owner, { filter }), JSON.stringify(filter)).toBeRefused("BAD_INPUT");
});

test("the workflow of another tenant has no runs for the caller", async ({ acme, actions, db, world }) => {
  const stranger = await (await world.tenant()).user("owner");
  await acme.workflow.run();

  const reply = await actions.succeed(cancelRuns, stranger, { filter: { workflowId: acme.workflow.id } });

  expect(reply).toEqual({ matched: 0, cancelled: 0, cancelling: 0, remaining: 0 });
  expect(await countStatuses(db.db, acme.tenant.id)).toEqual({ PENDING: 1 });
});

test("admin and builder may, a viewer may not", async ({ acme, actions, db }) => {
  const filter = { workflowId: acme.workflow.id };
  await acme.workflow.run();

  const viewed = await actions.call(cancelRuns, await acme.tenant.user("viewer"), { filter });

  expect(viewed).toBeRefused("FORBIDDEN");
  for (const role of ["admin", "builder"] as const) {
    await acme.workflow.run();
    const { cancelled } = await actions.succeed(cancelRuns, await acme.tenant.user(role), { filter });
    expect(cancelled).toBeGreaterThan(0);
  }
  expect(await countStatuses(db.db, acme.tenant.id)).toEqual({ CANCELLED: 3 });
});

describe("more than one batch", () => {
  test("goes oldest first, and after its time says what remains; repeated it comes to the end", async ({
    acme,
    db,
    service,
  }) => {
    await addPendingRuns(db.db, acme.workflow, 25);
    const caller = { ...acme.owner, userId: acme.owner.id, requestId: "test" };
    const filter = {
      workflowId: acme.workflow.id,
      statuses: ["PENDING", "QUEUED", "RUNNING"] as const,
      triggerId: undefined,
      createdFrom: undefined,
      createdTo: undefined,
      runIds: undefined,
    };
    const call = () => cancelMany(service.deps.bulkDb, caller, { filter, dryRun: false }, { batch: 10, workMs: 0 });

    const first = await call();
    const oldest = (await acme.tenant.runs()).map(({ status }) => status);
    const rest = [await call(), await call(), await call()];

    expect(first).toEqual({ matched: 25, cancelled: 10, cancelling: 0, remaining: 15 });
    expect(oldest).toEqual([...Array(10).fill("CANCELLED"), ...Array(15).fill("PENDING")]);
    expect(rest.map(({ cancelled, remaining }) => [cancelled, remaining])).toEqual([
      [10, 5],
      [5, 0],
      [0, 0],
    ]);
    expect(await countPerRun(db.db, acme.tenant.id, "workflow_run.cancel_requested")).toEqual({ 1: 25 });
  });

  test("a run that somebody else holds is passed over and remains", async ({ acme, actions, db }) => {
    await addPendingRuns(db.db, acme.workflow, 3);
    const [held] = await acme.tenant.runs();
    const holder = await db.pool.connect();
    await holder.query("begin");
    await holder.query("select from workflow_runs where id = $1 for update", [held?.id]);

    const reply = await actions.succeed(cancelRuns, acme.owner, { filter: { workflowId: acme.workflow.id } });
    await holder.query("rollback");
    holder.release();
    const again = await actions.succeed(cancelRuns, acme.owner, { filter: { workflowId: acme.workflow.id } });

    expect(reply).toEqual({ matched: 3, cancelled: 2, cancelling: 0, remaining: 1 });
    expect(again).toEqual({ matched: 1, cancelled: 1, cancelling: 0, remaining: 0 });
  });
});

test("while one call of the tenant is at work another is refused, and one of another tenant is not", async ({
  acme,
  actions,
  db,
  world,
}) => {
  const tenant = await world.tenant();
  const [stranger, workflow] = [await tenant.user("owner"), await tenant.workflow()];
  const holder = await db.pool.connect();
  const key = `bulk ${acme.tenant.id}`;
  await holder.query("select pg_advisory_lock(hashtextextended($1, 0))", [key]);

  const filter = { workflowId: acme.workflow.id };
  const refused = await actions.call(cancelRuns, acme.owner, { filter });
  const elsewhere = await actions.call(cancelRuns, stranger, { filter: { workflowId: workflow.id } });
  await holder.query("select pg_advisory_unlock(hashtextextended($1, 0))", [key]);
  holder.release();
  const afterwards = await actions.call(cancelRuns, acme.owner, { filter });

  expect(refused).toBeRefused("CONFLICT");
  expect([elsewhere.outcome, afterwards.outcome]).toEqual(["done", "done"]);
});

test("of many calls at once each run is cancelled once, and every call is done or refused", async ({
  acme,
  actions,
  db,
}) => {
  await addPendingRuns(db.db, acme.workflow, 300);
  const filter = { workflowId: acme.workflow.id };

  const replies = await Promise.all(Array.from({ length: 4 }, () => actions.call(cancelRuns, acme.owner, { filter })));

  for (const reply of replies) if (reply.outcome === "refused") expect(reply.code).toBe("CONFLICT");
  expect(await countStatuses(db.db, acme.tenant.id)).toEqual({ CANCELLED: 300 });
  expect(await countPerRun(db.db, acme.tenant.id, "workflow_run.cancel_requested")).toEqual({ 1: 300 });
});

test("a call that fails in the middle keeps what it has done, and does not stand in the way of the next", async ({
  acme,
  actions,
  db,
}) => {
  await addPendingRuns(db.db, acme.workflow, 150);
  await db.db.execute(sql`
    create function refuse_last() returns trigger language plpgsql as $$ begin raise exception 'on purpose'; end $$`);
  const [last] = (await acme.tenant.runs()).slice(-1);
  await db.db.execute(
    sql.raw(
      `create trigger t99 before update on workflow_runs for each row when (old.id = '${last?.id}') execute function refuse_last()`,
    ),
  );
  const filter = { workflowId: acme.workflow.id };

  const failed = await actions.call(cancelRuns, acme.owner, { filter });
  const between = await countStatuses(db.db, acme.tenant.id);
  await db.db.execute(sql`drop trigger t99 on workflow_runs`);
  const again = await actions.succeed(cancelRuns, acme.owner, { filter });

  expect(failed).toMatchObject({ outcome: "refused", status: 500 });
  expect(between).toEqual({ CANCELLED: 100, PENDING: 50 });
  expect(again).toEqual({ matched: 50, cancelled: 50, cancelling: 0, remaining: 0 });
});
