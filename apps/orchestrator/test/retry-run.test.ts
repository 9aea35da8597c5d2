import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { retryRun } from "../src/actions/retry-run.ts";
import { dispatchPass } from "../src/domain/dispatch-pass.ts";
import { COUNT_SCHEMA, test } from "./acme.ts";
import { AWAY, FATAL, succeeded } from "./held-run.ts";

const ENDS = ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const;

for (const status of ENDS) {
  test(`a ${status} run is run again as a new run of the same input, and stays as it was`, async ({
    actions,
    acme,
  }) => {
    const original = await acme.workflow.run({ status, input: { city: "Basel" } });
    const before = [await original.row(), await original.steps()];

    const { runId } = await actions.succeed(retryRun, acme.owner, { runId: original.id });

    const runs = await acme.tenant.runs();
    expect(runs).toHaveLength(2);
    expect(runs.find(({ id }) => id === runId)).toMatchObject({
      status: "PENDING",
      source: "RETRY",
      retryOfRunId: original.id,
      workflowVersionId: acme.workflow.version.id,
      input: { city: "Basel" },
      attempt: 1,
      maxAttempts: 3,
      createdBy: acme.owner.id,
      idempotencyKey: null,
    });
    expect([await original.row(), await original.steps()]).toEqual(before);
  });
}

test("the input keeps every digit", async ({ actions, acme, db }) => {
  const original = await acme.workflow.run({ status: "FAILED", input: sql`'{"n": 9007199254740993.10}'::jsonb` });

  const { runId } = await actions.succeed(retryRun, acme.owner, { runId: original.id });

  const { rows } = await db.pool.query("select input::text from workflow_runs where id = $1", [runId]);
  expect(rows).toEqual([{ input: '{"n": 9007199254740993.10}' }]);
});

for (const status of ["PENDING", "QUEUED", "RUNNING", "CANCELLING"] as const) {
  test(`a ${status} run has not ended and is not run again`, async ({ actions, acme }) => {
    const run = await acme.workflow.run({ status });

    const reply = await actions.call(retryRun, acme.owner, { runId: run.id });

    expect(reply).toBeRefused("CONFLICT");
    expect(await acme.tenant.runs()).toHaveLength(1);
  });
}

test("each call makes a run of its own, also of a run that is a retry itself", async ({ actions, acme }) => {
  const original = await acme.workflow.run({ status: "FAILED" });

  const first = await actions.succeed(retryRun, acme.owner, { runId: original.id });
  const second = await actions.succeed(retryRun, acme.owner, { runId: original.id });
  await actions.succeed(cancelRun, acme.owner, { runId: first.runId });
  const third = await actions.succeed(retryRun, acme.owner, { runId: first.runId });

  const origins = (await acme.tenant.runs()).map(({ id, retryOfRunId }) => [id, retryOfRunId]);
  expect(Object.fromEntries(origins)).toEqual({
    [original.id]: null,
    [first.runId]: original.id,
    [second.runId]: original.id,
    [third.runId]: first.runId,
  });
});

test("eight calls at once make eight runs", async ({ actions, acme }) => {
  const original = await acme.workflow.run({ status: "FAILED" });

  const replies = await Promise.all(
    Array.from({ length: 8 }, () => actions.succeed(retryRun, acme.owner, { runId: original.id })),
  );

  expect(new Set(replies.map(({ runId }) => runId)).size).toBe(8);
  expect(await acme.tenant.runs()).toHaveLength(9);
});

describe("from the failed step", () => {
  test("what succeeded is kept, over the attempts, and given to the runner as completed", async ({
    actions,
    acme,
    runner,
    service,
  }) => {
    const workflow = await acme.tenant.workflow({ steps: ["a", "b", "c"].map((key) => ({ key })) });
    const original = await workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(original.id);
    await attempt.send(
      succeeded("a"),
      { type: "step.failed", stepKey: "b", error: FATAL },
      { type: "run.failed", error: FATAL },
    );
    const [kept] = await original.steps();

    const { runId } = await actions.succeed(retryRun, acme.owner, { runId: original.id, from: "FAILED_STEP" });
    await dispatchPass(service.deps);
    const { bundle } = (await runner.claim(runId)).claim;

    expect(bundle.completedSteps).toEqual([{ stepKey: "a", output: { of: "a" } }]);
    expect(bundle.steps.map(({ stepKey }) => stepKey)).toEqual(["b", "c"]);
    const { rows } = await service.deps.pool.query(
      "select step_key, attempt, status::text, output from step_runs where workflow_run_id = $1 order by position",
      [runId],
    );
    expect(rows).toEqual([
      { step_key: "a", attempt: 0, status: "SUCCEEDED", output: kept?.output },
      { step_key: "b", attempt: 1, status: "PENDING", output: null },
      { step_key: "c", attempt: 1, status: "PENDING", output: null },
    ]);
  });

  test("steps that were kept once are kept again", async ({ actions, acme, runner, service }) => {
    const workflow = await acme.tenant.workflow({ steps: ["a", "b"].map((key) => ({ key })) });
    const original = await workflow.run({ status: "QUEUED" });
    await (await runner.claim(original.id)).send(succeeded("a"), { type: "run.failed", error: FATAL });
    const from = "FAILED_STEP";
    const second = await actions.succeed(retryRun, acme.owner, { runId: original.id, from });
    await dispatchPass(service.deps);
    await (await runner.claim(second.runId)).send({ type: "run.failed", error: FATAL });

    const third = await actions.succeed(retryRun, acme.owner, { runId: second.runId, from });
    await dispatchPass(service.deps);

    const { bundle } = (await runner.claim(third.runId)).claim;
    expect(bundle.completedSteps).toEqual([{ stepKey: "a", output: { of: "a" } }]);
  });

  test("from START nothing is kept", async ({ actions, acme, runner, service }) => {
    const original = await acme.workflow.run({ status: "QUEUED" });
    await (await runner.claim(original.id)).send(succeeded("echo"), { type: "run.failed", error: FATAL });

    const { runId } = await actions.succeed(retryRun, acme.owner, { runId: original.id, from: "START" });
    await dispatchPass(service.deps);

    const { bundle } = (await runner.claim(runId)).claim;
    expect([bundle.completedSteps, bundle.steps.length]).toEqual([[], 1]);
  });

  test("another version than the original is bad input", async ({ actions, acme }) => {
    const original = await acme.workflow.run({ status: "FAILED" });

    const reply = await actions.call(retryRun, acme.owner, {
      runId: original.id,
      from: "FAILED_STEP",
      version: "LATEST",
    });

    expect(reply).toBeRefused("BAD_INPUT");
    expect(await acme.tenant.runs()).toHaveLength(1);
  });
});

describe("the version", () => {
  test("ORIGINAL is the one that ran, though another is the latest; LATEST is that, with its own attempts", async ({
    actions,
    acme,
  }) => {
    const original = await acme.workflow.run({ status: "FAILED" });
    const latest = await acme.workflow.publish({ retry: { maxAttempts: 7 } });

    const { runId: asBefore } = await actions.succeed(retryRun, acme.owner, { runId: original.id });
    const { runId: anew } = await actions.succeed(retryRun, acme.owner, { runId: original.id, version: "LATEST" });

    const rows = new Map((await acme.tenant.runs()).map((row) => [row.id, row]));
    expect(rows.get(asBefore)).toMatchObject({ workflowVersionId: acme.workflow.version.id, maxAttempts: 3 });
    expect(rows.get(anew)).toMatchObject({ workflowVersionId: latest.id, maxAttempts: 7 });
  });

  test("without a latest version LATEST is refused and ORIGINAL runs", async ({ actions, acme, db }) => {
    const original = await acme.workflow.run({ status: "FAILED" });
    await db.db.execute(sql`update workflow_versions set is_latest = false where workflow_id = ${acme.workflow.id}`);

    const latest = await actions.call(retryRun, acme.owner, { runId: original.id, version: "LATEST" });
    const asBefore = await actions.call(retryRun, acme.owner, { runId: original.id, version: "ORIGINAL" });

    expect(latest).toBeRefused("WORKFLOW_NOT_PUBLISHED");
    expect(asBefore.outcome).toBe("done");
  });

  test("an archived workflow runs nothing again", async ({ actions, acme, db }) => {
    const original = await acme.workflow.run({ status: "FAILED" });
    await db.db.execute(sql`update workflows set archived_at = now() where id = ${acme.workflow.id}`);

    for (const version of ["ORIGINAL", "LATEST"])
      expect(await actions.call(retryRun, acme.owner, { runId: original.id, version })).toBeRefused(
        "WORKFLOW_NOT_PUBLISHED",
      );
  });

  test("an input that the latest version does not take fails where its owner sees it", async ({
    actions,
    acme,
    service,
  }) => {
    const original = await acme.workflow.run({ status: "FAILED", input: { count: 0 } });
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });

    const { runId } = await actions.succeed(retryRun, acme.owner, { runId: original.id, version: "LATEST" });
    await dispatchPass(service.deps);

    const retry = (await acme.tenant.runs()).find(({ id }) => id === runId);
    expect(retry).toMatchObject({ status: "FAILED", error: { code: "INPUT_INVALID" } });
  });
});

test("the runner is given the trigger of the run it all began with", async ({ actions, acme, db, runner, service }) => {
  const trigger = await acme.workflow.webhook();
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into webhook_deliveries (tenant_id, trigger_id, body_hash, body_bytes, body_cipher, content_type, headers, matched_secret)
     values ($1, $2, sha256('x'), 1, 'x', 'text/plain', '{"x-event": "push"}', 'NONE') returning id`,
    [acme.tenant.id, trigger.id],
  );
  const deliveryId = rows[0]?.id;
  const original = await acme.workflow.run({
    status: "FAILED",
    source: "WEBHOOK",
    triggerId: trigger.id,
    webhookDeliveryId: deliveryId,
  });
  const first = await actions.succeed(retryRun, acme.owner, { runId: original.id });
  await actions.succeed(cancelRun, acme.owner, { runId: first.runId });

  const { runId } = await actions.succeed(retryRun, acme.owner, { runId: first.runId });
  await dispatchPass(service.deps);

  const { bundle } = (await runner.claim(runId)).claim;
  expect(bundle.run.source).toBe("RETRY");
  expect(bundle.trigger).toMatchObject({ type: "WEBHOOK", headers: { "x-event": "push" }, deliveryId });
});

test("an attempt that waits to be tried again is not over", async ({ actions, acme, runner }) => {
  const run = await acme.workflow.run({ status: "QUEUED" });
  await (await runner.claim(run.id)).send({ type: "run.failed", error: AWAY });

  expect(await actions.call(retryRun, acme.owner, { runId: run.id })).toBeRefused("CONFLICT");
});

for (const role of ["admin", "builder"] as const) {
  test(`the role ${role} may run a run again that somebody else started`, async ({ actions, acme }) => {
    const user = await acme.tenant.user(role);
    const run = await acme.workflow.run({ status: "FAILED", createdBy: acme.owner.id });

    const { runId } = await actions.succeed(retryRun, user, { runId: run.id });

    expect((await acme.tenant.runs()).find(({ id }) => id === runId)?.createdBy).toBe(user.id);
  });
}

test("a viewer runs nothing again, and the attempt is on the trail", async ({ actions, acme }) => {
  const viewer = await acme.tenant.user("viewer");
  const run = await acme.workflow.run({ status: "FAILED" });

  const reply = await actions.call(retryRun, viewer, { runId: run.id });

  expect(reply).toBeRefused("FORBIDDEN");
  expect(await acme.tenant.runs()).toHaveLength(1);
  const denied = (await acme.tenant.audit()).filter(({ outcome }) => outcome === "DENIED");
  expect(denied.map(({ action, actorId }) => [action, actorId])).toEqual([["retryRun.denied", viewer.id]]);
});

test("a run of another tenant is not found, like one that does not exist", async ({ actions, acme, world }) => {
  const stranger = await (await world.tenant()).user("owner");
  const run = await acme.workflow.run({ status: "FAILED" });

  const replies = [
    await actions.call(retryRun, stranger, { runId: run.id }),
    await actions.call(retryRun, stranger, { runId: randomUUID() }),
  ];

  for (const reply of replies) expect(reply).toBeRefused("NOT_FOUND");
  expect(new Set(replies.map((reply) => (reply.outcome === "refused" ? reply.message : ""))).size).toBe(1);
  expect(await acme.tenant.runs()).toHaveLength(1);
});

test("what names no run or no way is bad input", async ({ actions, acme }) => {
  const { id: runId } = await acme.workflow.run({ status: "FAILED" });
  const inputs = [{}, { runId: "7" }, { runId, from: "END" }, { runId, version: 1 }, { runId, input: {} }];

  for (const input of inputs) expect(await actions.call(retryRun, acme.owner, input)).toBeRefused("BAD_INPUT");
  expect(await acme.tenant.runs()).toHaveLength(1);
});

test("the trail says who ran which run again", async ({ actions, acme }) => {
  const original = await acme.workflow.run({ status: "FAILED" });

  const { runId } = await actions.succeed(retryRun, acme.owner, { runId: original.id });

  const trail = (await acme.tenant.audit()).filter(({ targetId }) => targetId === runId);
  expect(trail).toMatchObject([
    {
      action: "workflow_run.created",
      actorId: acme.owner.id,
      source: "orchestrator",
      changes: { source: { new: "RETRY" }, retry_of_run_id: { new: original.id } },
    },
  ]);
});
