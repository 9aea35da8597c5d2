import { expectData, postWebhook, signedWebhook } from "@control-plane/local-stack";
import { readJson } from "@control-plane/service-kit";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type Account, type ControlPlane, createTrigger, publishWorkflow, registerTenant } from "./control-plane.ts";
import { test } from "./shared-plane.ts";

/** Objects as PostgreSQL orders their keys: the shorter first. */
const VALUES = [
  '{"n":9007199254740993,"price":19.90,"small":-0.12345678901234567890123}',
  `{"huge":1${"0".repeat(400)},"more":[1.0,-9007199254740993,0.10]}`,
  '{"__proto__":{"p":1}}',
  '{"a":[{"__proto__":null}],"constructor":{"prototype":{"a":1}}}',
  '{"":{"__proto__":["9007199254740993","5"]},"toString":1.50,"hasOwnProperty":true}',
  `{"deep":${"[".repeat(499)}${"]".repeat(499)}}`,
  `{"large":"${"x".repeat(1_048_576 - 12)}"}`,
] as const;

const startedSchema = z.object({ runWorkflow: z.object({ runId: z.uuid() }) });
const acceptedSchema = z.object({ runId: z.uuid() });

describe("data is data, whichever way it comes, through the runner, and out again", () => {
  let plane: ControlPlane;
  let acme: Account;

  test.beforeAll(async ({ openSharedPlane }) => {
    plane = await openSharedPlane();
    acme = await registerTenant(plane, "acme");
  });

  const echo = [{ key: "echo", action: "echo", input: { said: { $ref: "/input" } } }];
  const output = { $ref: "/steps/echo/output/said" };

  /** What the API says of the run, as text: a client's JSON.parse would round what is being looked at. */
  async function said(runId: string): Promise<string> {
    await expect
      .poll(async () => (await plane.sql.query("select status from workflow_runs where id = $1", [runId])).rows)
      .toEqual([{ status: "SUCCEEDED" }]);
    const reply = await fetch(`${plane.hasuraUrl}/v1/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${acme.token}` },
      body: JSON.stringify({
        query: "query($id: uuid!) { workflow_runs_by_pk(id: $id) { input output steps: step_runs { input output } } }",
        variables: { id: runId },
      }),
    });
    return (await reply.text()).replaceAll(/ (?=:)|(?<=[:,]) /g, "");
  }

  const expected = (input: string, value: string) =>
    `{"data":{"workflow_runs_by_pk":{"input":${input},"output":${value},"steps":[{"input":{"said":${value}},"output":{"said":${value}}}]}}}`;

  test("by webhook", async () => {
    const { workflowId } = await publishWorkflow(plane, acme.token, echo, { output });
    const trigger = await createTrigger(plane, acme.token, workflowId);

    for (const value of VALUES) {
      const reply = await postWebhook(trigger.url, signedWebhook(trigger.secret, value), value);

      expect(await said(acceptedSchema.parse(reply.body).runId)).toBe(expected(value, value));
    }
  });

  test("by runWorkflow", async () => {
    const { workflowId } = await publishWorkflow(plane, acme.token, echo, { output });

    for (const value of VALUES) {
      const answer = await plane.graphql(
        "mutation($w: uuid!, $i: jsonb) { runWorkflow(workflowId: $w, input: $i) { runId } }",
        { w: workflowId, i: readJson(value) },
        acme.token,
      );

      expect(await said(expectData(startedSchema, answer).runWorkflow.runId)).toBe(expected(value, value));
    }
  });

  test("by a definition", async () => {
    for (const value of VALUES.filter(({ length }) => length < 100_000)) {
      // Around a literal stand the levels of the definition itself.
      const literal = value.replace("[".repeat(499), "[".repeat(400)).replace("]".repeat(499), "]".repeat(400));
      const steps = [{ key: "echo", action: "echo", input: { said: { $literal: readJson(literal) } } }];
      const { workflowId } = await publishWorkflow(plane, acme.token, steps, { output });
      const answer = await plane.graphql(
        "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }",
        { w: workflowId },
        acme.token,
      );

      expect(await said(expectData(startedSchema, answer).runWorkflow.runId)).toBe(expected("null", literal));
    }
  });
});
