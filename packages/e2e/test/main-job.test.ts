import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  expectData,
  expectRefusal,
  inviteViewer,
  nextCommands,
  postWebhook,
  signedWebhook,
} from "@control-plane/local-stack";
import { runRequested } from "@control-plane/queue";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type Account, type ControlPlane, createTrigger, publishWorkflow, registerTenant } from "./control-plane.ts";
import { signedAnew, withClaims } from "./forged-token.ts";
import { test } from "./shared-plane.ts";

const LATEST_RUN = `query {
  workflow_runs(order_by: {created_at: desc}, limit: 1) {
    id status
    steps: step_runs(order_by: {position: asc}) { step_key status logs { lines { message } error } }
    logs { lines { message level seq } error }
  }
}`;
const latestSchema = z.object({
  workflow_runs: z.array(
    z.object({
      id: z.uuid(),
      status: z.string(),
      steps: z.array(
        z.object({
          step_key: z.string(),
          status: z.string(),
          logs: z.object({ lines: z.array(z.object({ message: z.string() })), error: z.null() }),
        }),
      ),
      logs: z.object({
        lines: z.array(z.object({ message: z.string(), level: z.string(), seq: z.number() })),
        error: z.null(),
      }),
    }),
  ),
});

describe("the main job", () => {
  let plane: ControlPlane;
  let acme: Account;
  let globex: Account;
  let viewer: string;
  let workflowId: string;
  let trigger: { triggerId: string; url: string; secret: string };

  test.beforeAll(async ({ openSharedPlane }) => {
    plane = await openSharedPlane();
    acme = await registerTenant(plane, "acme");
    globex = await registerTenant(plane, "globex");
    viewer = (await inviteViewer(plane.graphql, plane.readMail, acme.token)).token;
    const published = await publishWorkflow(plane, acme.token, [
      { key: "greet", action: "echo", input: { text: { $text: ["Hello ", { $ref: "/input/name" }] } } },
      {
        key: "note",
        action: "log",
        dependsOn: ["greet"],
        input: { level: "INFO", message: { $ref: "/steps/greet/output/text" } },
      },
    ]);
    workflowId = published.workflowId;
    trigger = await createTrigger(plane, acme.token, workflowId);
  });

  async function statusOf(runId: string): Promise<string> {
    const { rows } = await plane.sql.query<{ status: string }>("select status from workflow_runs where id = $1", [
      runId,
    ]);
    return rows[0]?.status ?? "absent";
  }

  async function countRuns(): Promise<number> {
    const { rows } = await plane.sql.query<{ count: number }>(
      "select count(*)::int as count from workflow_runs where tenant_id = $1",
      [acme.tenantId],
    );
    return rows[0]?.count ?? -1;
  }

  test("a signed webhook becomes one finished run, read with steps and log lines in one query", async () => {
    const body = JSON.stringify({ name: "Grace" });
    const reply = await postWebhook(trigger.url, signedWebhook(trigger.secret, body), body);
    const { runId, deliveryId } = z
      .object({ status: z.literal("ACCEPTED"), runId: z.uuid(), deliveryId: z.uuid() })
      .parse(reply.body);
    await expect.poll(() => statusOf(runId)).toBe("SUCCEEDED");
    await expect
      .poll(
        async () =>
          expectData(latestSchema, await plane.graphql(LATEST_RUN, {}, viewer)).workflow_runs[0]?.logs.lines.length,
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0);

    const [run] = expectData(latestSchema, await plane.graphql(LATEST_RUN, {}, viewer)).workflow_runs;

    expect(reply.status).toBe(202);
    expect(run).toMatchObject({
      id: runId,
      status: "SUCCEEDED",
      steps: [
        { step_key: "greet", status: "SUCCEEDED" },
        { step_key: "note", status: "SUCCEEDED" },
      ],
    });
    expect(run?.logs.lines.map(({ message }) => message)).toContain("Hello Grace");
    expect(run?.steps[1]?.logs.lines.map(({ message }) => message)).toContain("Hello Grace");
    const delivery = await plane.sql.query(
      "select trigger_id, matched_secret, duplicate_count from webhook_deliveries where id = $1",
      [deliveryId],
    );
    expect(delivery.rows).toEqual([{ trigger_id: trigger.triggerId, matched_secret: "CURRENT", duplicate_count: 0 }]);
    const mongo = await MongoClient.connect(plane.mongodbUrl);
    const lines = await mongo.db().collection("execution_logs").find({ workflowRunId: runId }).toArray();
    await mongo.close();
    expect(new Set(lines.map(({ tenantId }) => tenantId))).toEqual(new Set([acme.tenantId]));
  });

  test("the commands that npm start prints work as they are pasted", async () => {
    const outcome = {
      email: acme.email,
      password: acme.password,
      accessToken: acme.token,
      workflowId,
      webhookUrl: trigger.url,
      webhookSecret: trigger.secret,
    };
    const pasted = nextCommands(plane.hasuraUrl, outcome).map(({ command }) => `${command}\necho`);

    const answers = execFileSync("sh", ["-c", pasted.join("\n")], { encoding: "utf8" })
      .trim()
      .split("\n");

    expect(answers).toEqual([
      expect.stringMatching(/"runWorkflow":\{"runId":"/),
      expect.stringMatching(/^\{"status":"ACCEPTED","deliveryId":/),
      expect.stringMatching(/"workflow_runs":\[\{"status":/),
    ]);
  });

  test("the queue holds ids only", async () => {
    const redis = new Redis(plane.redisUrl);
    const keys = await redis.keys(`${plane.queuePrefix}:${runRequested.name}:????????-*`);
    const found = await Promise.all(keys.filter((key) => !key.endsWith(":lock")).map((key) => redis.hget(key, "data")));
    redis.disconnect();
    // One that was taken away between the two questions is not in the queue.
    const jobs = found.filter((job) => job !== null);

    for (const job of jobs)
      expect(Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(job))).sort()).toEqual([
        "attempt",
        "contractVersion",
        "runId",
      ]);
    expect(jobs.length).toBeGreaterThan(0);
  });

  test("the same query with the other tenant's token returns nothing of it", async () => {
    const runs = expectData(latestSchema, await plane.graphql(LATEST_RUN, {}, globex.token)).workflow_runs;

    expect(runs).toEqual([]);
  });

  test("a repeated delivery gets the first answer and makes no second run", async () => {
    const body = JSON.stringify({ name: "Twice" });
    const headers = signedWebhook(trigger.secret, body);
    const first = await postWebhook(trigger.url, headers, body);
    const before = await countRuns();

    const again = await postWebhook(trigger.url, headers, body);

    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.body).toEqual({ ...z.record(z.string(), z.string()).parse(first.body), status: "DUPLICATE" });
    expect(await countRuns()).toBe(before);
  });

  test("what is wrong with a webhook gets its code and changes nothing", async () => {
    const before = await countRuns();
    const code = (reply: { body: unknown }): unknown =>
      z.object({ extensions: z.object({ code: z.string() }) }).parse(reply.body).extensions.code;
    const body = '{"name":"x"}';
    const broken = '{"name":';
    const big = JSON.stringify({ name: "x".repeat(1_100_000) });

    const forged = await postWebhook(
      trigger.url,
      signedWebhook(`whsec_${Buffer.alloc(32, 1).toString("base64")}`, body),
      body,
    );
    const unknown = await postWebhook(
      trigger.url.replace(/[^/]+$/, "AAAAAAAAAAAAAAAAAAAAAA"),
      signedWebhook(trigger.secret, body),
      body,
    );
    const malformed = await postWebhook(trigger.url, signedWebhook(trigger.secret, broken), broken);
    const oversized = await postWebhook(trigger.url, signedWebhook(trigger.secret, big), big);

    expect([forged.status, code(forged)]).toEqual([401, "SIGNATURE_INVALID"]);
    expect([unknown.status, code(unknown)]).toEqual([401, "SIGNATURE_INVALID"]);
    expect([malformed.status, code(malformed)]).toEqual([400, "BODY_NOT_JSON"]);
    expect([oversized.status, code(oversized)]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    expect(await countRuns()).toBe(before);
  });

  test("wrong role, foreign and unknown ids are refused and change nothing", async () => {
    const before = await countRuns();
    const run = "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }";

    const asViewer = expectRefusal(await plane.graphql(run, { w: workflowId }, viewer));
    const asStranger = expectRefusal(await plane.graphql(run, { w: workflowId }, globex.token));
    const ofNothing = expectRefusal(await plane.graphql(run, { w: randomUUID() }, acme.token));
    const foreignWrite = expectData(
      z.object({ update_workflows: z.object({ affected_rows: z.number() }) }),
      await plane.graphql(
        'mutation($w: uuid!) { update_workflows(where: {id: {_eq: $w}}, _set: {name: "taken"}) { affected_rows } }',
        { w: workflowId },
        globex.token,
      ),
    );

    expect(asViewer.code).toBe("validation-failed");
    expect(asStranger.code).toBe("NOT_FOUND");
    expect(ofNothing.code).toBe("NOT_FOUND");
    expect(foreignWrite.update_workflows.affected_rows).toBe(0);
    expect(await countRuns()).toBe(before);
  });

  test("a token of our own key is refused once it expired, a changed one at once, and nothing changes", async () => {
    const before = await countRuns();
    const run = "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }";
    // Past the 30 s by which clocks may differ.
    const minuteAgo = Math.floor(Date.now() / 1000) - 60;
    const valid = await signedAnew(plane, acme.token, { jti: randomUUID() });
    const expired = await signedAnew(plane, acme.token, { iat: minuteAgo - 900, exp: minuteAgo });
    const changed = withClaims(acme.token, { jti: randomUUID() });

    const asExpired = expectRefusal(await plane.graphql(run, { w: workflowId }, expired));
    const asChanged = expectRefusal(await plane.graphql(run, { w: workflowId }, changed));

    // The expired token has no other fault: the same claims with time left are accepted.
    expect((await plane.graphql("{ workflows { id } }", {}, valid)).refusals).toEqual([]);
    expect(asExpired).toEqual({ code: "invalid-jwt", message: "Could not verify JWT: JWTExpired" });
    expect(asChanged).toEqual({ code: "invalid-jwt", message: "Could not verify JWT: JWSError JWSInvalidSignature" });
    expect(await countRuns()).toBe(before);
  });

  test("runWorkflow starts a run by hand, a repeated key gives the first one", async () => {
    const run =
      'mutation($w: uuid!, $k: String) { runWorkflow(workflowId: $w, input: {name: "hand"}, idempotencyKey: $k) { runId deduplicated run { status source } } }';
    const schema = z.object({
      runWorkflow: z.object({ runId: z.uuid(), deduplicated: z.boolean(), run: z.object({ source: z.string() }) }),
    });
    const key = randomUUID();

    const first = expectData(schema, await plane.graphql(run, { w: workflowId, k: key }, acme.token)).runWorkflow;
    const again = expectData(schema, await plane.graphql(run, { w: workflowId, k: key }, acme.token)).runWorkflow;

    expect(first).toMatchObject({ deduplicated: false, run: { source: "MANUAL" } });
    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
    await expect.poll(() => statusOf(first.runId)).toBe("SUCCEEDED");
  });

  test("cancelRun stops a running workflow, and again changes nothing", async () => {
    const slow = await publishWorkflow(plane, acme.token, [{ key: "wait", action: "sleep", input: { seconds: 600 } }]);
    const started = expectData(
      z.object({ runWorkflow: z.object({ runId: z.uuid() }) }),
      await plane.graphql(
        "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }",
        { w: slow.workflowId },
        acme.token,
      ),
    ).runWorkflow;
    await expect.poll(() => statusOf(started.runId)).toBe("RUNNING");
    const cancel = () =>
      plane.graphql(
        "mutation($r: uuid!) { cancelRun(runId: $r) { outcome status } }",
        { r: started.runId },
        acme.token,
      );

    const first = await cancel();

    expect(first.data).toEqual({ cancelRun: { outcome: "CANCELLING", status: "CANCELLING" } });
    await expect.poll(() => statusOf(started.runId), { timeout: 60_000 }).toBe("CANCELLED");
    expect((await cancel()).data).toEqual({ cancelRun: { outcome: "ALREADY_TERMINAL", status: "CANCELLED" } });
  });

  test("a failing step fails the run with its code", async () => {
    const failing = await publishWorkflow(plane, acme.token, [
      { key: "boom", action: "fail", input: { code: "NO_LUCK", message: "as asked", retryable: false } },
    ]);
    const started = expectData(
      z.object({ runWorkflow: z.object({ runId: z.uuid() }) }),
      await plane.graphql(
        "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }",
        { w: failing.workflowId },
        acme.token,
      ),
    ).runWorkflow;

    await expect.poll(() => statusOf(started.runId)).toBe("FAILED");
    const { rows } = await plane.sql.query("select error ->> 'code' as code from workflow_runs where id = $1", [
      started.runId,
    ]);
    expect(rows).toEqual([{ code: "NO_LUCK" }]);
  });

  test("a raised tenant limit reaches the orchestrator through Hasura's event trigger", async () => {
    await plane.sql.query("update tenants set max_concurrent_runs = 51 where id = $1", [acme.tenantId]);

    await expect
      .poll(
        async () =>
          (
            await plane.sql.query<{ delivered: boolean }>(
              `select delivered from ${plane.eventLog} where trigger_name = 'tenant_limit_changed'
                 and payload -> 'data' -> 'new' ->> 'id' = $1`,
              [acme.tenantId],
            )
          ).rows.map(({ delivered }) => delivered),
        { timeout: 20_000 },
      )
      .toEqual([true]);
  });

  test("an event that was delivered is gone after a week", async () => {
    const { rowCount } = await plane.sql.query(
      `update ${plane.eventLog} set created_at = created_at - interval '8 days' where delivered`,
    );

    await plane.sql.query("select internal.prune_event_logs(1000)");

    expect(rowCount).toBeGreaterThan(0);
    const old = await plane.sql.query(`select id from ${plane.eventLog} where created_at < now() - interval '7 days'`);
    expect(old.rows).toEqual([]);
  });
});
