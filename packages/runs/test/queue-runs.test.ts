import { test as base, type TestDatabase, type TestWorkflow, type World } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { type QueuedRun, queueRuns } from "../src/queue-runs.ts";

const WINDOW = 200;

/** Dispatches as the orchestrator's own login role. */
const test = base.extend("dispatch", ({ db }: { db: TestDatabase; world: World }) => {
  return async (window = WINDOW): Promise<readonly QueuedRun[]> => {
    const pass = await queueRuns(db.as("cp_orchestrator").db, window);
    if (pass.outcome === "busy") throw new Error("nobody else dispatches here");
    return pass.queued;
  };
});

async function tenantWith(world: World, maxConcurrentRuns: number): Promise<TestWorkflow> {
  return (await world.tenant({ maxConcurrentRuns })).workflow();
}
/** The n-th run is due n seconds after a fixed moment in the past. */
async function addRuns(workflow: TestWorkflow, count: number, offset = 0): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++)
    ids.push((await workflow.run({ runAt: new Date(Date.UTC(2026, 0, 1) + (offset + n) * 1_000) })).id);
  return ids;
}
const idsOf = (queued: readonly QueuedRun[]): string[] => queued.map(({ runId }) => runId);

describe("the order of dispatch", () => {
  test("gives every tenant its k-th slot before anybody's next, the longest waiting first", async ({
    dispatch,
    world,
  }) => {
    const [big, small] = [await tenantWith(world, 10), await tenantWith(world, 10)];
    const a = await addRuns(big, 6);
    const b = await addRuns(small, 2, 100);

    expect(idsOf(await dispatch())).toEqual([a[0], b[0], a[1], b[1], a[2], a[3], a[4], a[5]]);
  });

  test("counts what a tenant has in flight as slots it had", async ({ dispatch, world }) => {
    const [busy, idle] = [await tenantWith(world, 10), await tenantWith(world, 10)];
    await busy.run({ status: "RUNNING" });
    await busy.run({ status: "CANCELLING" });
    const a = await addRuns(busy, 2);
    const b = await addRuns(idle, 4, 100);

    expect(idsOf(await dispatch())).toEqual([b[0], b[1], a[0], b[2], a[1], b[3]]);
  });

  test("is the window's rest, shared fairly, when not all fit", async ({ dispatch, world }) => {
    const [big, small] = [await tenantWith(world, 100), await tenantWith(world, 100)];
    const a = await addRuns(big, 8);
    const b = await addRuns(small, 8, 100);

    expect(idsOf(await dispatch(3))).toEqual([a[0], b[0], a[1]]);
    expect(idsOf(await dispatch(3))).toEqual([]);
    expect(idsOf(await dispatch(5))).toEqual([b[1], a[2]]);
  });

  test("is by time and then by id within a tenant", async ({ dispatch, world }) => {
    const workflow = await tenantWith(world, 10);
    const runAt = new Date(Date.UTC(2026, 0, 1));
    const same = [(await workflow.run({ runAt })).id, (await workflow.run({ runAt })).id].sort();
    const [earlier] = await addRuns(workflow, 1, -5);

    expect(idsOf(await dispatch())).toEqual([earlier, ...same]);
  });
});

describe("a tenant's slots", () => {
  test("are its limit less its rows that are QUEUED, RUNNING or CANCELLING, counted each time", async ({
    db,
    dispatch,
    world,
  }) => {
    const workflow = await tenantWith(world, 4);
    for (const status of ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const) await workflow.run({ status });
    await workflow.run({ status: "RUNNING" });
    const cancelling = await workflow.run({ status: "CANCELLING" });
    const waiting = await addRuns(workflow, 5);

    expect(idsOf(await dispatch())).toEqual(waiting.slice(0, 2));
    expect(idsOf(await dispatch())).toEqual([]);
    await db.db.execute(
      sql`update workflow_runs set status = 'CANCELLED', finished_at = now(), lease_expires_at = null where id = ${cancelling.id}`,
    );
    expect(idsOf(await dispatch())).toEqual(waiting.slice(2, 3));
    await db.db.execute(sql`update tenants set max_concurrent_runs = 5 where id = ${workflow.tenantId}`);
    expect(idsOf(await dispatch())).toEqual(waiting.slice(3, 4));
    await db.db.execute(sql`update tenants set max_concurrent_runs = 1 where id = ${workflow.tenantId}`);
    expect(idsOf(await dispatch())).toEqual([]);
  });

  test("that are all taken hold up nobody else", async ({ dispatch, world }) => {
    const [full, free] = [await tenantWith(world, 1), await tenantWith(world, 1)];
    await full.run({ status: "QUEUED" });
    await addRuns(full, 3);
    const [run] = await addRuns(free, 1, 100);

    expect(idsOf(await dispatch())).toEqual([run]);
  });
});

describe("a pass", () => {
  test("takes what is due, sets it QUEUED by the database's clock, and says how long it waited", async ({
    db,
    dispatch,
    world,
  }) => {
    const workflow = await tenantWith(world, 10);
    const due = await workflow.run();
    await db.db.execute(sql`update workflow_runs set run_at = now() - interval '90 s'`);
    await workflow.run({ runAt: new Date(Date.now() + 3_600_000) });

    const queued = await dispatch();

    expect(queued).toEqual([{ runId: due.id, attempt: 1, waitedSeconds: expect.closeTo(90, -1) }]);
    expect((await due.row()).status).toBe("QUEUED");
    const { rows } = await db.pool.query(
      "select queued_at = updated_at as now from workflow_runs where status = 'QUEUED'",
    );
    expect(rows).toEqual([{ now: true }]);
  });

  test("at the same moment as another is skipped, and no run is taken twice", async ({ db, world }) => {
    const workflow = await tenantWith(world, 30);
    await addRuns(workflow, 20);

    const passes = await Promise.all(Array.from({ length: 10 }, () => queueRuns(db.db, WINDOW)));

    const taken = passes.flatMap((pass) => (pass.outcome === "done" ? idsOf(pass.queued) : []));
    expect(taken).toHaveLength(20);
    expect(new Set(taken).size).toBe(20);
  });

  test("while another holds the lock is busy and changes nothing", async ({ db, world }) => {
    const run = await (await tenantWith(world, 1)).run();

    await db.db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(4021337)`);
      expect(await queueRuns(db.db, WINDOW)).toEqual({ outcome: "busy" });
    });

    expect((await run.row()).status).toBe("PENDING");
  });

  test("passes over a row that somebody else holds and takes the rest", async ({ db, dispatch, world }) => {
    const workflow = await tenantWith(world, 10);
    const [first, second] = await addRuns(workflow, 2);

    await db.db.transaction(async (tx) => {
      await tx.execute(sql`select 1 from workflow_runs where id = ${first} for update`);
      expect(idsOf(await dispatch())).toEqual([second]);
    });

    expect(idsOf(await dispatch())).toEqual([first]);
  });
});

describe("input that was not checked at its creation", () => {
  const schema = { inputSchema: { type: "object", properties: { n: { type: "integer" } } } };

  test("fails its run where it violates the inputSchema, and takes no slot", async ({ dispatch, world }) => {
    const tenant = await world.tenant({ maxConcurrentRuns: 10 });
    const workflow = await tenant.workflow(schema);
    const bad = await workflow.run({ source: "SCHEDULE", input: { n: "x" } });
    const good = await workflow.run({ source: "WEBHOOK", input: { n: 1 } });
    const byHand = await workflow.run({ source: "MANUAL", input: { n: "x" } });

    expect(idsOf(await dispatch()).sort()).toEqual([good.id, byHand.id].sort());
    expect(await bad.row()).toMatchObject({
      status: "FAILED",
      error: { code: "INPUT_INVALID", message: "/n must be integer", retryable: false },
      queuedAt: null,
      finishedAt: expect.any(Date),
    });
  });

  test.for([
    ["a number beyond all numbers", '{"n": 1e1000}'],
    ["2,000 levels", `${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}`],
  ] as const)(
    "fails its run where it holds %s, and keeps nobody behind it waiting",
    async ([, input], { db, dispatch, world }) => {
      const tenant = await world.tenant({ maxConcurrentRuns: 10 });
      const workflow = await tenant.workflow(schema);
      const bad = await workflow.run({ source: "WEBHOOK" });
      await db.db.execute(sql`update workflow_runs set input = ${input}::jsonb`);
      const behind = await (await tenantWith(world, 1)).run();

      expect(idsOf(await dispatch())).toEqual([behind.id]);
      expect((await bad.row()).error).toMatchObject({ code: "INPUT_INVALID" });
    },
  );

  test("fails its run where the version's schema cannot be read, and keeps nobody behind it waiting", async ({
    dispatch,
    world,
  }) => {
    const tenant = await world.tenant();
    const bad = await (await tenant.workflow({ inputSchema: { type: "text" } })).run({ source: "WEBHOOK" });
    const behind = await (await tenantWith(world, 1)).run();

    expect(idsOf(await dispatch())).toEqual([behind.id]);
    expect((await bad.row()).error).toMatchObject({ code: "INPUT_INVALID" });
  });

  test("is not held against a later attempt", async ({ db, dispatch, world }) => {
    const workflow = await (await world.tenant()).workflow(schema);
    const run = await workflow.run({ source: "WEBHOOK", status: "RUNNING", input: { n: "x" } });
    await db.db.execute(sql`update workflow_runs set status = 'PENDING', attempt = 2, lease_expires_at = null`);

    expect(await dispatch()).toEqual([{ runId: run.id, attempt: 2, waitedSeconds: expect.any(Number) }]);
  });
});
