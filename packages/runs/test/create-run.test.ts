import { workflowVersions } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { test as base, type TestDatabase, type World } from "@control-plane/testkit";
import { eq, sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { createManualRun, type ManualRun } from "../src/create-run.ts";

type Fixtures = { db: TestDatabase; world: World };

async function openTenant({ db, world }: Fixtures) {
  const tenant = await world.tenant();
  const owner = await tenant.user("owner");
  const caller: Caller = { userId: owner.id, tenantId: tenant.id, role: "owner", requestId: "test" };
  const start = (workflowId: string, changes: Partial<ManualRun> = {}) =>
    createManualRun(db.as("cp_orchestrator").db, caller, {
      workflowId,
      version: undefined,
      input: null,
      idempotencyKey: undefined,
      traceparent: undefined,
      ...changes,
    });
  return { tenant, owner, start };
}
const test = base.extend("acme", ({ db, world }) => openTenant({ db, world }));

const refusal = (code: string) => expect.objectContaining({ code });
const UNKNOWN = "00000000-0000-7000-8000-000000000000";

describe("a run is pinned", () => {
  test("to the latest version when none is named", async ({ acme }) => {
    const workflow = await acme.tenant.workflow();
    const second = await workflow.publish();
    await workflow.draft();

    const created = await acme.start(workflow.id, { input: { a: 1 }, traceparent: "00-aa-bb-01" });

    expect(created).toMatchObject({ status: "PENDING", deduplicated: false });
    expect(await acme.tenant.runs()).toMatchObject([
      {
        id: created.runId,
        workflowVersionId: second.id,
        status: "PENDING",
        source: "MANUAL",
        attempt: 1,
        maxAttempts: 3,
        input: { a: 1 },
        traceparent: "00-aa-bb-01",
        createdBy: acme.owner.id,
        idempotencyKey: null,
        startedAt: null,
        leaseExpiresAt: null,
      },
    ]);
  });

  test("to the version that is named, latest or not", async ({ acme }) => {
    const workflow = await acme.tenant.workflow();
    await workflow.publish();

    await acme.start(workflow.id, { version: 1 });

    expect((await acme.tenant.runs()).map((run) => run.workflowVersionId)).toEqual([workflow.version.id]);
  });

  test("with the times of the database", async ({ acme, db }) => {
    const workflow = await acme.tenant.workflow();

    await acme.start(workflow.id);

    const { rows } = await db.pool.query(
      "select run_at = created_at as due, deadline_at - created_at = interval '24 hours' as a_day from workflow_runs",
    );
    expect(rows).toEqual([{ due: true, a_day: true }]);
  });

  test("while another version is published, to the one that was latest at its insert", async ({ acme, db }) => {
    const workflow = await acme.tenant.workflow();
    const second = await workflow.draft();
    const publishing = await db.pool.connect();
    try {
      await publishing.query("begin");
      await publishing.query("update workflow_versions set is_latest = false where is_latest");
      await publishing.query("update workflow_versions set is_latest = true, published_at = now() where version = 2");

      await acme.start(workflow.id);
      await publishing.query("commit");
      await acme.start(workflow.id);
    } finally {
      publishing.release();
    }

    const versions = (await acme.tenant.runs()).map((run) => run.workflowVersionId);
    expect(versions).toEqual([workflow.version.id, second.id]);
  });

  test("with as many attempts as its version says, however the number is written", async ({ acme, db }) => {
    const workflow = await acme.tenant.workflow({ published: false });
    const draft = await workflow.draft();
    await db.db
      .update(workflowVersions)
      .set({
        definition: sql`${JSON.stringify(draft.definition).replace(/\}$/, ',"retry":{"maxAttempts":7.0}}')}::jsonb`,
      })
      .where(eq(workflowVersions.id, draft.id));
    await db.db
      .update(workflowVersions)
      .set({ publishedAt: sql`now()`, isLatest: true })
      .where(eq(workflowVersions.id, draft.id));

    await acme.start(workflow.id);

    expect((await acme.tenant.runs()).map(({ maxAttempts }) => maxAttempts)).toEqual([7]);
  });
});

describe("no run is made", () => {
  test("of a workflow without a latest version, unless a number is named", async ({ acme, db }) => {
    const workflow = await acme.tenant.workflow();
    await db.db.execute(sql`update workflow_versions set is_latest = false`);

    await expect(acme.start(workflow.id)).rejects.toEqual(refusal("WORKFLOW_NOT_PUBLISHED"));
    expect(await acme.start(workflow.id, { version: 1 })).toMatchObject({ status: "PENDING" });
  });

  test("of a draft, an unknown version, an unknown workflow or another tenant's", async ({ acme, world }) => {
    const workflow = await acme.tenant.workflow();
    await workflow.draft();
    const foreign = await (await world.tenant()).workflow();

    for (const version of [2, 3, 2_147_483_647])
      await expect(acme.start(workflow.id, { version })).rejects.toEqual(refusal("NOT_FOUND"));
    for (const id of [UNKNOWN, foreign.id]) await expect(acme.start(id)).rejects.toEqual(refusal("NOT_FOUND"));

    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("of an archived workflow, with or without a number", async ({ acme, db }) => {
    const workflow = await acme.tenant.workflow();
    await db.db.execute(sql`update workflows set archived_at = now() where id = ${workflow.id}`);

    for (const version of [undefined, 1])
      await expect(acme.start(workflow.id, { version })).rejects.toEqual(refusal("WORKFLOW_NOT_PUBLISHED"));

    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("with more than 1 MiB of input as UTF-8", async ({ acme }) => {
    const workflow = await acme.tenant.workflow();
    const text = (bytes: number): string => "ä".repeat((bytes - 2) / 2);

    await expect(acme.start(workflow.id, { input: text(1_048_578) })).rejects.toEqual(refusal("PAYLOAD_TOO_LARGE"));
    expect(await acme.start(workflow.id, { input: text(1_048_576) })).toMatchObject({ status: "PENDING" });
  });

  test("with input that violates the inputSchema of the version it would run", async ({ acme }) => {
    const workflow = await acme.tenant.workflow({
      inputSchema: { type: "object", required: ["id"], properties: { n: { type: "integer" } } },
    });
    await workflow.publish({ inputSchema: { type: "string" } });

    const refused = acme.start(workflow.id, { version: 1, input: { n: "x" }, idempotencyKey: "k" });
    await expect(refused).rejects.toMatchObject({
      code: "INPUT_INVALID",
      details: {
        issues: [
          { path: "/id", message: "is required" },
          { path: "/n", message: "must be integer" },
        ],
      },
    });

    expect(await acme.tenant.runs()).toEqual([]);
    expect(await acme.start(workflow.id, { version: 1, input: { id: 1 }, idempotencyKey: "k" })).toMatchObject({
      deduplicated: false,
    });
  });
});

describe("an idempotency key", () => {
  const idempotencyKey = "order-1";

  test("gives the first run again, with its present status, whatever was published or archived since", async ({
    acme,
    db,
  }) => {
    const workflow = await acme.tenant.workflow();
    const first = await acme.start(workflow.id, { input: { a: 1, b: [2] }, idempotencyKey });
    await workflow.publish();
    await db.db.execute(sql`update workflows set archived_at = now()`);
    await db.db.execute(sql`update workflow_runs set status = 'CANCELLED', finished_at = now()`);

    const again = await acme.start(workflow.id, { input: { b: [2], a: 1.0 }, idempotencyKey });
    const named = await acme.start(workflow.id, { version: 1, input: { a: 1, b: [2] }, idempotencyKey });

    expect(again).toEqual({ runId: first.runId, status: "CANCELLED", deduplicated: true });
    expect(named).toEqual(again);
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("with other input or another version is refused", async ({ acme }) => {
    const workflow = await acme.tenant.workflow();
    await workflow.publish();
    await acme.start(workflow.id, { input: { a: 1 }, idempotencyKey });

    for (const changes of [{ input: { a: 2 } }, { input: null }, { input: { a: 1 }, version: 1 }])
      await expect(acme.start(workflow.id, { idempotencyKey, ...changes })).rejects.toEqual(
        refusal("IDEMPOTENCY_KEY_REUSED"),
      );

    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("belongs to one workflow", async ({ acme }) => {
    const [one, other] = [await acme.tenant.workflow(), await acme.tenant.workflow()];

    const runs = [await acme.start(one.id, { idempotencyKey }), await acme.start(other.id, { idempotencyKey })];

    expect(runs.map(({ deduplicated }) => deduplicated)).toEqual([false, false]);
  });

  test("of 50 calls at once makes one run, and all 50 are told of it", async ({ acme }) => {
    const workflow = await acme.tenant.workflow();

    const created = await Promise.all(
      Array.from({ length: 50 }, () => acme.start(workflow.id, { input: { a: 1 }, idempotencyKey })),
    );

    const [run, ...others] = await acme.tenant.runs();
    expect(others).toEqual([]);
    expect(new Set(created.map(({ runId }) => runId))).toEqual(new Set([run?.id]));
    expect(created.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
  });

  test("of 50 calls at once with two inputs makes one run, and the other input is refused", async ({ acme }) => {
    const workflow = await acme.tenant.workflow();

    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => acme.start(workflow.id, { input: { a: n % 2 }, idempotencyKey })),
    );

    expect(await acme.tenant.runs()).toHaveLength(1);
    const refusals: unknown[] = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(refusals).toEqual(Array(25).fill(refusal("IDEMPOTENCY_KEY_REUSED")));
  });
});
