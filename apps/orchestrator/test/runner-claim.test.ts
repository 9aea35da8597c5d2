import { createHash } from "node:crypto";
import { webhookDeliveries } from "@control-plane/db";
import { claimReplySchema } from "@control-plane/queue";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { test } from "./acme.ts";
import { claimRequest, queuedRun } from "./claimable-run.ts";
import { AUTH_ACTIONS_URL, callRunner, OTHER_RUNNER_TOKEN, RUNNER_TOKEN } from "./service.ts";

const RETRYABLE = { code: "AWAY", message: "try later", retryable: true, retryAfterSeconds: 0 };

describe("works", () => {
  test("a QUEUED run becomes RUNNING and the reply is as the contract says", async ({ service, acme }) => {
    const run = await queuedRun(acme.workflow);

    const reply = await callRunner(service, run.id, "claim", RUNNER_TOKEN, claimRequest);

    expect(reply.status).toBe(200);
    const claim = claimReplySchema.parse(reply.body);
    const row = await run.row();
    const steps = await run.steps();
    expect(claim).toMatchObject({
      heartbeatSeconds: 15,
      deadlineAt: row.deadlineAt.toISOString(),
      leaseExpiresAt: row.leaseExpiresAt?.toISOString(),
      credentialsUrl: `${AUTH_ACTIONS_URL}/runner/v1/runs/${run.id}/credentials`,
    });
    expect(claim.bundle).toMatchObject({
      run: {
        id: run.id,
        tenantId: acme.tenant.id,
        workflowId: acme.workflow.id,
        workflowVersionId: acme.workflow.version.id,
        version: 1,
        attempt: 1,
        maxAttempts: 3,
        source: "MANUAL",
        startedAt: row.startedAt?.toISOString(),
      },
      trigger: null,
      input: { city: "Basel" },
      output: null,
      completedSteps: [],
      logs: { linesMax: 50_000 },
    });
    expect(claim.bundle.steps).toMatchObject([
      {
        stepRunId: steps[0]?.id,
        stepKey: "echo",
        position: 0,
        dependsOn: [],
        when: null,
        app: "core",
        action: "echo",
        authType: "NONE",
        connectionId: null,
        idempotencyKey: `${run.id}:echo`,
      },
    ]);
    expect(row).toMatchObject({ status: "RUNNING", attempt: 1, runnerId: "runner-7", lastEventSeq: 0 });
    expect(steps.map(({ stepKey, status, attempt }) => [stepKey, status, attempt])).toEqual([["echo", "PENDING", 1]]);
  });

  test("lease, deadline and the lines' end of life are counted from the claim, by the database's clock", async ({
    db,
    runner,
    world,
  }) => {
    const tenant = await world.tenant({ logRetentionDays: 9 });
    const run = await queuedRun(await tenant.workflow({ timeoutSeconds: 120 }));

    const { claim } = await runner.claim(run.id);

    const { rows } = await db.pool.query(
      `select lease_expires_at - started_at = interval '60 seconds' as lease, deadline_at - started_at = interval '120 seconds' as deadline,
              -- Read a moment before the claim.
              started_at + interval '9 days' - $2::timestamptz between interval '-1 ms' and interval '1 minute' as logs
         from workflow_runs where id = $1`,
      [run.id, claim.bundle.logs.expiresAt],
    );
    expect(rows).toEqual([{ lease: true, deadline: true, logs: true }]);
  });

  test("a definition without a limit gives an hour", async ({ acme, db, runner }) => {
    const run = await queuedRun(acme.workflow);

    await runner.claim(run.id);

    const { rows } = await db.pool.query(
      "select deadline_at - started_at = interval '1 hour' as hour from workflow_runs",
    );
    expect(rows).toEqual([{ hour: true }]);
  });

  test("the lease token has 32 random bytes; the database knows its hash only", async ({ acme, db, runner }) => {
    const [one, two] = [await queuedRun(acme.workflow), await queuedRun(acme.workflow)];

    const tokens = [(await runner.claim(one.id)).claim.leaseToken, (await runner.claim(two.id)).claim.leaseToken];

    for (const token of tokens) expect(token).toMatch(/^lt_[A-Za-z0-9_-]{43}$/);
    expect(tokens[0]).not.toBe(tokens[1]);
    expect((await one.row()).leaseTokenHash).toEqual(
      createHash("sha256")
        .update(tokens[0] ?? "")
        .digest(),
    );
    const { rows } = await db.pool.query("select 1 from workflow_runs r where r::text like '%' || $1 || '%'", [
      tokens[0],
    ]);
    expect(rows).toEqual([]);
  });

  test("steps come in their order, with what the definition says of them", async ({ acme, runner, world }) => {
    const connection = await acme.tenant.connection({
      config: { baseUrl: "https://github.internal.example" },
      secretCipher: Buffer.from("a-sealed-secret"),
      secretFields: ["token"],
    });
    const repository = await world.action("github.get_repository");
    const workflow = await acme.tenant.workflow({
      output: { found: { $ref: "/steps/fetch/output" } },
      steps: [
        {
          key: "tell",
          action: "core.echo",
          dependsOn: ["fetch"],
          when: { op: "EXISTS", left: { $ref: "/steps/fetch/output" } },
          timeoutSeconds: 7,
        },
        { key: "fetch", actionId: repository.id, connectionId: connection.id, input: { owner: "a", repo: "b" } },
      ],
    });
    const run = await queuedRun(workflow);

    const { claim } = await runner.claim(run.id);

    expect(claim.bundle.output).toEqual({ found: { $ref: "/steps/fetch/output" } });
    expect(claim.bundle.steps).toMatchObject([
      {
        stepKey: "fetch",
        position: 0,
        input: { owner: "a", repo: "b" },
        app: "github",
        action: "get_repository",
        baseUrl: "https://github.internal.example",
        connectionId: connection.id,
        timeoutSeconds: repository.timeoutSeconds,
        request: repository.request,
        allowedHosts: expect.arrayContaining(["api.github.com"]),
      },
      {
        stepKey: "tell",
        position: 1,
        dependsOn: ["fetch"],
        when: { op: "EXISTS", left: { $ref: "/steps/fetch/output" } },
        timeoutSeconds: 7,
        connectionId: null,
      },
    ]);
    expect(JSON.stringify(claim)).not.toMatch(/a-sealed-secret|cipher|secret/i);
  });

  test("a connection without its own address leaves the app's", async ({ acme, runner, world }) => {
    const connection = await acme.tenant.connection();
    const { id } = await world.action("github.get_repository");
    const workflow = await acme.tenant.workflow({
      steps: [{ key: "fetch", actionId: id, connectionId: connection.id }],
    });
    const run = await queuedRun(workflow);

    const { claim } = await runner.claim(run.id);

    expect(claim.bundle.steps).toMatchObject([{ baseUrl: "https://api.github.com" }]);
  });

  test("the run's trace is handed on", async ({ acme, runner }) => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const run = await acme.workflow.run({ status: "QUEUED", traceparent });

    const { claim } = await runner.claim(run.id);

    expect(claim.bundle.traceparent).toBe(traceparent);
  });

  test("each token of the list opens the claim", async ({ service, acme }) => {
    const runs = [await queuedRun(acme.workflow), await queuedRun(acme.workflow)];

    const replies = [
      await callRunner(service, runs[0]?.id ?? "", "claim", RUNNER_TOKEN, claimRequest),
      await callRunner(service, runs[1]?.id ?? "", "claim", OTHER_RUNNER_TOKEN, claimRequest),
    ];

    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe("trigger", () => {
  test("a webhook's run, its retry and its replay carry the delivery", async ({ acme, db, runner }) => {
    const hook = await acme.workflow.webhook();
    const [delivery] = await db.db
      .insert(webhookDeliveries)
      .values({
        tenantId: acme.tenant.id,
        triggerId: hook.id,
        bodyHash: Buffer.alloc(32),
        bodyBytes: 2,
        bodyCipher: Buffer.from("sealed"),
        headers: { "x-event": "push" },
        matchedSecret: "NONE",
      })
      .returning();
    const of = { status: "QUEUED", triggerId: hook.id, webhookDeliveryId: delivery?.id } as const;
    const original = await acme.workflow.run({ ...of, source: "WEBHOOK" });
    const retry = await acme.workflow.run({ status: "QUEUED", source: "RETRY", retryOfRunId: original.id });
    const replay = await acme.workflow.run({ ...of, source: "REPLAY" });

    const triggers = [];
    for (const run of [original, retry, replay]) triggers.push((await runner.claim(run.id)).claim.bundle.trigger);

    for (const trigger of triggers)
      expect(trigger).toEqual({
        type: "WEBHOOK",
        headers: { "x-event": "push" },
        deliveryId: delivery?.id,
        receivedAt: delivery?.receivedAt.toISOString(),
        scheduledFor: null,
      });
  });

  test("a schedule's run and its retry carry the slot", async ({ acme, runner }) => {
    const schedule = await acme.workflow.schedule();
    const scheduledFor = new Date("2026-03-29T01:30:00Z");
    const original = await acme.workflow.run({
      status: "QUEUED",
      source: "SCHEDULE",
      triggerId: schedule.id,
      scheduledFor,
    });
    const retry = await acme.workflow.run({ status: "QUEUED", source: "RETRY", retryOfRunId: original.id });

    const triggers = [];
    for (const run of [original, retry]) triggers.push((await runner.claim(run.id)).claim.bundle.trigger);

    for (const trigger of triggers)
      expect(trigger).toEqual({
        type: "SCHEDULE",
        headers: {},
        deliveryId: null,
        receivedAt: null,
        scheduledFor: "2026-03-29T01:30:00.000Z",
      });
  });

  test("the retry of a run by hand has none", async ({ acme, runner }) => {
    const original = await acme.workflow.run({ status: "FAILED" });
    const retry = await acme.workflow.run({ status: "QUEUED", source: "RETRY", retryOfRunId: original.id });

    const { claim } = await runner.claim(retry.id);

    expect(claim.bundle.trigger).toBeNull();
  });
});

test("the next attempt resumes: what succeeded is handed over, the rest gets rows of its own", async ({
  acme,
  db,
  runner,
}) => {
  const workflow = await acme.tenant.workflow({
    steps: [{ key: "first" }, { key: "second", dependsOn: ["first"] }, { key: "third", dependsOn: ["second"] }],
  });
  const run = await queuedRun(workflow);
  const one = await runner.claim(run.id);
  await one.send(
    { type: "step.succeeded", stepKey: "first", output: { n: 1 } },
    { type: "step.failed", stepKey: "second", error: RETRYABLE },
    { type: "run.failed", error: RETRYABLE },
  );
  const before = await run.row();
  await db.db.execute(sql`update workflow_runs set status = 'QUEUED', queued_at = now() where id = ${run.id}`);

  const two = await runner.claim(run.id, 2);

  expect(two.claim.bundle.run).toMatchObject({ attempt: 2, startedAt: before.startedAt?.toISOString() });
  expect(two.claim.deadlineAt).toBe(before.deadlineAt.toISOString());
  expect(two.claim.leaseToken).not.toBe(one.claim.leaseToken);
  expect(two.claim.bundle.completedSteps).toEqual([{ stepKey: "first", output: { n: 1 } }]);
  expect(two.claim.bundle.steps).toMatchObject([
    { stepKey: "second", position: 1, idempotencyKey: `${run.id}:second` },
    { stepKey: "third", position: 2 },
  ]);
  expect(await run.row()).toMatchObject({ status: "RUNNING", lastEventSeq: 0 });
  expect((await run.steps()).map((step) => [step.stepKey, step.attempt, step.status])).toEqual([
    ["first", 1, "SUCCEEDED"],
    ["second", 1, "FAILED"],
    ["second", 2, "PENDING"],
    ["third", 1, "SKIPPED"],
    ["third", 2, "PENDING"],
  ]);
});
