import { randomUUID } from "node:crypto";
import type { ActionReply, TestTenant, TestUser, TestWorkflow } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { test } from "./acme.ts";

describe("starts", () => {
  for (const role of ["owner", "admin", "builder"] as const) {
    test(`the role ${role} starts a run of the latest version, which waits for dispatch`, async ({ actions, acme }) => {
      const user = await acme.tenant.user(role);
      const latest = await acme.workflow.publish();

      const started = await actions.succeed(runWorkflow, user, {
        workflowId: acme.workflow.id,
        input: { text: "hi", list: [1, null, true] },
      });

      expect(started).toMatchObject({ status: "PENDING", deduplicated: false });
      const rows = await acme.tenant.runs();
      expect(rows).toMatchObject([
        {
          id: started.runId,
          status: "PENDING",
          source: "MANUAL",
          workflowId: acme.workflow.id,
          workflowVersionId: latest.id,
          input: { text: "hi", list: [1, null, true] },
          attempt: 1,
          triggerId: null,
          createdBy: user.id,
        },
      ]);
    });
  }

  test("a version number starts that version, and later publications leave the run alone", async ({
    actions,
    acme,
  }) => {
    const first = acme.workflow.version;
    await acme.workflow.publish();

    const { runId } = await actions.succeed(runWorkflow, acme.owner, {
      workflowId: acme.workflow.id,
      version: first.version,
    });
    await acme.workflow.publish();

    const rows = await acme.tenant.runs();
    expect(rows.map(({ id, workflowVersionId }) => [id, workflowVersionId])).toEqual([[runId, first.id]]);
  });

  test("attempts come from the definition, the run is due now and must start within a day", async ({
    actions,
    acme,
    db,
  }) => {
    await acme.workflow.publish({ retry: { maxAttempts: 7 } });

    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id });

    const { rows } = await db.pool.query(
      "select max_attempts, run_at = created_at as due, deadline_at - created_at = interval '24 hours' as a_day from workflow_runs",
    );
    expect(rows).toEqual([{ max_attempts: 7, due: true, a_day: true }]);
  });

  test("without retry in the definition a run has three attempts", async ({ actions, acme }) => {
    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id });

    expect((await acme.tenant.runs()).map(({ maxAttempts }) => maxAttempts)).toEqual([3]);
  });

  for (const [what, input] of [
    ["no input", undefined],
    ["null", null],
  ] as const) {
    test(`${what} is JSON null, not the absence of a value`, async ({ actions, acme, db }) => {
      await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input, version: null });

      const { rows } = await db.pool.query("select input = 'null'::jsonb as json_null from workflow_runs");
      expect(rows).toEqual([{ json_null: true }]);
    });
  }

  test("a run keeps the trace of the request", async ({ actions, acme }) => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    await actions.call(
      runWorkflow,
      acme.owner,
      { workflowId: acme.workflow.id },
      { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } },
    );

    expect((await acme.tenant.runs())[0]?.traceparent).toContain(traceId);
  });

  test("a request without a trace gets one", async ({ actions, acme }) => {
    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id });

    expect((await acme.tenant.runs())[0]?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
  });

  test("the trail names who started which run", async ({ actions, acme }) => {
    const { runId } = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id });

    const trail = (await acme.tenant.audit()).filter(({ targetId }) => targetId === runId);
    expect(trail).toMatchObject([{ actorId: acme.owner.id, actorRole: "owner", source: "orchestrator" }]);
  });

  test("a full tenant still starts runs: they wait", async ({ actions, world }) => {
    const tenant = await world.tenant({ maxConcurrentRuns: 1 });
    const owner = await tenant.user("owner");
    const workflow = await tenant.workflow();
    await workflow.run({ status: "RUNNING" });

    const { status } = await actions.succeed(runWorkflow, owner, { workflowId: workflow.id });

    expect(status).toBe("PENDING");
    expect((await tenant.runs()).map((run) => run.status)).toEqual(["RUNNING", "PENDING"]);
  });
});

describe("which workflow", () => {
  test("an unknown workflow is not found", async ({ actions, acme }) => {
    expect(await actions.call(runWorkflow, acme.owner, { workflowId: randomUUID() })).toBeRefused("NOT_FOUND");
  });

  test("a workflow of another tenant is not found, word for word like one that does not exist", async ({
    actions,
    acme,
    world,
  }) => {
    const other = await world.tenant();
    const theirs = await other.workflow();

    const foreign = await actions.call(runWorkflow, acme.owner, { workflowId: theirs.id, version: 1 });
    const unknown = await actions.call(runWorkflow, acme.owner, { workflowId: randomUUID(), version: 1 });

    expect(foreign).toBeRefused("NOT_FOUND");
    expect(foreign).toMatchObject({ status: unknown.status, ...said(unknown) });
    expect([await acme.tenant.runs(), await other.runs()]).toEqual([[], []]);
  });

  test("a workflow that was never published does not run", async ({ actions, acme }) => {
    const workflow = await acme.tenant.workflow({ published: false });
    await workflow.draft();

    const reply = await actions.call(runWorkflow, acme.owner, { workflowId: workflow.id });

    expect(reply).toBeRefused("WORKFLOW_NOT_PUBLISHED");
    expect(reply.status).toBe(409);
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("an unpublished workflow runs by version number only", async ({ actions, acme, db }) => {
    await db.db.execute(sql`update workflow_versions set is_latest = false where workflow_id = ${acme.workflow.id}`);

    const latest = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id });
    const numbered = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, version: 1 });

    expect(latest).toBeRefused("WORKFLOW_NOT_PUBLISHED");
    expect(numbered.outcome).toBe("done");
  });

  for (const version of [undefined, 1]) {
    test(`an archived workflow does not run ${version === undefined ? "" : "by version number "}any more`, async ({
      actions,
      acme,
      db,
    }) => {
      await db.db.execute(sql`update workflows set archived_at = now() where id = ${acme.workflow.id}`);

      const reply = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, version });

      expect(reply).toBeRefused("WORKFLOW_NOT_PUBLISHED");
      expect(await acme.tenant.runs()).toEqual([]);
    });
  }

  test("a draft and an unknown number are not found", async ({ actions, acme }) => {
    const draft = await acme.workflow.draft();

    const replies = [
      await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, version: draft.version }),
      await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, version: 99 }),
    ];

    for (const reply of replies) expect(reply).toBeRefused("NOT_FOUND");
    expect(await acme.tenant.runs()).toEqual([]);
  });
});

test("a tenant starts 100 runs in 10 s, hears when to come back, and takes nothing from other tenants", async ({
  actions,
  acme,
  world,
}) => {
  const other = await world.tenant();
  const stranger = await other.user("owner");
  const theirs = await other.workflow();
  const start = (user: TestUser, workflow: TestWorkflow) =>
    actions.call(runWorkflow, user, { workflowId: workflow.id });
  const started = await Promise.all(Array.from({ length: 100 }, () => start(acme.owner, acme.workflow)));

  const [over, elsewhere] = [await start(acme.owner, acme.workflow), await start(stranger, theirs)];

  expect(started.filter(({ outcome }) => outcome === "done")).toHaveLength(100);
  expect(over).toBeRefused("RATE_LIMITED");
  expect(over).toMatchObject({ status: 429, extensions: { retryAfterSeconds: expect.toBeOneOf(upTo(10)) } });
  expect(elsewhere.outcome).toBe("done");
  expect(await countRuns(acme.tenant, other)).toEqual([100, 1]);
});

test("the limit is one for all replicas", async ({ actions, acme, redis, replica }) => {
  await expect
    .poll(async () => {
      await replica.deps.runRate.take("somebody else");
      return (await redis.keys()).some((key) => key.includes(":rate:"));
    })
    .toBe(true);
  for (let runs = 0; runs < 100; runs += 1) await replica.deps.runRate.take(acme.tenant.id);

  const over = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id });

  expect(over).toBeRefused("RATE_LIMITED");
});

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

const countRuns = async (...tenants: TestTenant[]) =>
  Promise.all(tenants.map(async (tenant) => (await tenant.runs()).length));

function said(reply: ActionReply) {
  if (reply.outcome === "done") throw new Error("the call was not refused");
  return { code: reply.code, message: reply.message };
}
