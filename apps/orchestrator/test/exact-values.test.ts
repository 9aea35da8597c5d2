import { sessionVariables } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { z } from "zod";
import { test } from "./acme.ts";
import { claimRequest } from "./claimable-run.ts";
import { ACTION_SECRET, callRunner, post, RUNNER_TOKEN, type Service } from "./service.ts";

/** As PostgreSQL writes them, so that every text on the way can be compared. */
const VALUES = [
  "9007199254740993",
  "-0.10",
  "[1.0, 0.12345678901234567890123]",
  `{"huge": 1${"0".repeat(400)}, "tiny": 0.${"0".repeat(399)}1}`,
  '{"__proto__": {"p": 1}}',
  '{"a": [{"__proto__": null}], "constructor": {"prototype": {"a": 1}}}',
  '{"toString": 1.50, "hasOwnProperty": {"__proto__": []}}',
  '"5"',
  '"9007199254740993"',
  '{"rawJSON": "1"}',
] as const;

const compact = (text: string) => text.replaceAll(/(?<=[:,]) /g, "");

const startedSchema = z.object({ runId: z.uuid() });
const claimedSchema = z.object({ leaseToken: z.string() });

/** Starts a run with an input that is given as text. */
function start(
  service: Service,
  acme: { owner: Parameters<typeof sessionVariables>[0]; workflow: { id: string } },
  input: string,
) {
  const session = JSON.stringify(sessionVariables(acme.owner));
  return post(
    service,
    "/actions/runWorkflow",
    `{"action":{"name":"runWorkflow"},"input":{"workflowId":"${acme.workflow.id}","input":${input}},"session_variables":${session}}`,
    { "x-action-secret": ACTION_SECRET },
  );
}

describe("a value keeps its digits and its keys", () => {
  test.for(VALUES)("from runWorkflow to the claim, in events and outputs: %s", async (value, { service, db, acme }) => {
    const { runId } = startedSchema.parse((await start(service, acme, value)).body);
    await db.pool.query("update workflow_runs set status = 'QUEUED', queued_at = now() where id = $1", [runId]);

    const claimed = await callRunner(service, runId, "claim", RUNNER_TOKEN, claimRequest);
    const { leaseToken } = claimedSchema.parse(claimed.body);
    const event = (seq: number, rest: string) => `{"seq":${seq},"at":"2026-01-01T00:00:00Z",${rest}}`;
    const step = `"stepKey":"echo"`;
    const reported = await callRunner(
      service,
      runId,
      "events",
      leaseToken,
      `{"contractVersion":1.0,"attempt":1,"events":[${[
        event(1, `"type":"step.started",${step},"input":{"echoed":${value}}`),
        event(2, `"type":"step.succeeded",${step},"output":${value}`),
        event(3, `"type":"run.succeeded","output":${value}`),
      ].join(",")}]}`,
    );

    expect(claimed.text).toContain(`"input":${compact(value)},`);
    expect(reported.body).toMatchObject({ appliedSeq: 3, status: "SUCCEEDED" });
    const { rows } = await db.pool.query(
      `select r.input::text as given, r.output::text as output, s.input::text as step_input, s.output::text as step_output
         from workflow_runs r join step_runs s on s.workflow_run_id = r.id where r.id = $1`,
      [runId],
    );
    expect(rows).toEqual([{ given: value, output: value, step_input: `{"echoed": ${value}}`, step_output: value }]);
  });

  test("from a definition to the claim, and through a runner that walks it", async ({ service, db, acme, runner }) => {
    const literal = `{"price": 19.90, "__proto__": {"n": 9007199254740993}}`;
    await acme.workflow.publish();
    await db.pool.query("alter table workflow_versions disable trigger user");
    await db.pool.query(
      `update workflow_versions set definition = jsonb_set(definition, '{steps,0,input}', $1::jsonb) where workflow_id = $2`,
      [literal, acme.workflow.id],
    );
    const { runId } = startedSchema.parse((await start(service, acme, "1.10")).body);
    await db.pool.query("update workflow_runs set status = 'QUEUED', queued_at = now() where id = $1", [runId]);

    await runner.execute(await runner.claim(runId));

    const { rows } = await db.pool.query("select input::text, output::text from step_runs where workflow_run_id = $1", [
      runId,
    ]);
    expect(rows).toEqual([{ input: literal, output: literal }]);
  });

  test("limits of an inputSchema are held to the last digit", async ({ service, acme }) => {
    await acme.workflow.publish({ inputSchema: { type: "integer", maximum: 9_007_199_254_740_992 } });

    const replies = [
      await start(service, acme, "9007199254740992.0"),
      await start(service, acme, "9007199254740993"),
      await start(service, acme, "1.50"),
    ];

    expect(replies.map(({ status, code }) => [status, code])).toEqual([
      [200, undefined],
      [400, "INPUT_INVALID"],
      [400, "INPUT_INVALID"],
    ]);
  });

  test("the same input in other words is the same call", async ({ service, acme }) => {
    const session = JSON.stringify(sessionVariables(acme.owner));
    const call = (input: string) =>
      post(
        service,
        "/actions/runWorkflow",
        `{"action":{"name":"runWorkflow"},"input":{"workflowId":"${acme.workflow.id}","idempotencyKey":"k","input":${input}},"session_variables":${session}}`,
        { "x-action-secret": ACTION_SECRET },
      );

    const replies = [await call('{"n":10.0}'), await call('{"n":1e1}'), await call('{"n":10.1}')];

    expect(replies.map(({ code }) => code)).toEqual([undefined, undefined, "IDEMPOTENCY_KEY_REUSED"]);
  });
});

describe("what cannot be taken", () => {
  test("is refused in the same way by every call", async ({ service, acme, runner }) => {
    const { attempt } = { attempt: await runner.claim((await acme.workflow.run({ status: "QUEUED" })).id) };
    const events = (output: string) =>
      callRunner(
        service,
        attempt.lease.runId,
        "events",
        attempt.lease.leaseToken,
        `{"contractVersion":1,"attempt":1,"events":[{"seq":1,"type":"run.succeeded","at":"2026-01-01T00:00:00Z","output":${output}}]}`,
      );
    const huge = "1e1000";
    const digits = "9".repeat(1_001);

    const started = [await start(service, acme, huge), await start(service, acme, digits)];
    const reported = [await events(huge), await events(digits)];

    expect(started.map(({ code }) => code)).toEqual(["BAD_INPUT", "BAD_INPUT"]);
    expect(reported.map(({ code }) => code)).toEqual(["EVENT_INVALID", "EVENT_INVALID"]);
  });

  test("a body that is not UTF-8 is refused", async ({ service, acme, runner }) => {
    const attempt = await runner.claim((await acme.workflow.run({ status: "QUEUED" })).id);
    const [before, after] = [
      `{"contractVersion":1,"attempt":1,"events":[{"seq":1,"type":"run.succeeded","at":"2026-01-01T00:00:00Z","output":"`,
      `"}]}`,
    ];

    const reply = await service.server.inject({
      method: "POST",
      url: `/runner/v1/runs/${attempt.lease.runId}/events`,
      headers: { "content-type": "application/json", authorization: `Bearer ${attempt.lease.leaseToken}` },
      payload: Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]),
    });

    expect(reply.json()).toMatchObject({ extensions: { code: "BAD_INPUT" } });
    expect(reply.statusCode).toBe(400);
  });

  test("a member that the contract does not have is refused with its name", async ({ service, acme, runner }) => {
    const attempt = await runner.claim((await acme.workflow.run({ status: "QUEUED" })).id);
    const { runId, leaseToken } = attempt.lease;
    const event = { seq: 1, type: "run.succeeded", at: "2026-01-01T00:00:00Z" };

    const replies = [
      await callRunner(service, runId, "claim", RUNNER_TOKEN, { ...claimRequest, priority: 1 }),
      await callRunner(service, runId, "heartbeat", leaseToken, { attempt: 1, __proto__x: 1 }),
      await callRunner(service, runId, "events", leaseToken, {
        contractVersion: 1,
        attempt: 1,
        events: [event],
        more: 1,
      }),
      await callRunner(service, runId, "events", leaseToken, {
        contractVersion: 1,
        attempt: 1,
        events: [{ ...event, ouptut: 1 }],
      }),
    ];

    expect(replies.map(({ status, code }) => [status, code])).toEqual([
      [400, "BAD_INPUT"],
      [400, "BAD_INPUT"],
      [400, "BAD_INPUT"],
      [422, "EVENT_INVALID"],
    ]);
    expect(replies[3]?.text).toContain("ouptut");
  });
});
