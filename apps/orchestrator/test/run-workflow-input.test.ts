import { sessionVariables } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { COUNT_SCHEMA, test } from "./acme.ts";
import { ACTION_SECRET, post } from "./service.ts";

const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

describe("input", () => {
  test("input that fits the schema of the version is taken", async ({ actions, acme }) => {
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });

    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input: { count: 1 } });

    expect((await acme.tenant.runs()).map(({ input }) => input)).toEqual([{ count: 1 }]);
  });

  test("input that does not fit is refused with every fault and its place, and no run is left", async ({
    actions,
    acme,
  }) => {
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });

    const reply = await actions.call(runWorkflow, acme.owner, {
      workflowId: acme.workflow.id,
      input: { count: 0, note: 3 },
    });

    expect(reply).toBeRefused("INPUT_INVALID");
    expect(reply).toMatchObject({
      status: 400,
      extensions: { issues: [{ path: expect.stringContaining("count") }, { path: expect.stringContaining("note") }] },
    });
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("the schema of the version that is asked for counts, not the latest", async ({ actions, acme }) => {
    const first = acme.workflow.version;
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });

    await actions.succeed(runWorkflow, acme.owner, {
      workflowId: acme.workflow.id,
      version: first.version,
      input: "anything",
    });

    expect((await acme.tenant.runs()).map(({ input }) => input)).toEqual(["anything"]);
  });

  test("no input is held to the schema too", async ({ actions, acme }) => {
    await acme.workflow.publish({ inputSchema: COUNT_SCHEMA });

    const reply = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("INPUT_INVALID");
  });

  test("1 MiB of input is taken, one byte more is not", async ({ actions, acme }) => {
    const call = (bytes: number) =>
      actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input: "x".repeat(bytes - 2) });

    const [fits, larger] = [await call(1_048_576), await call(1_048_577)];

    expect(fits.outcome).toBe("done");
    expect(larger).toBeRefused("PAYLOAD_TOO_LARGE");
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("the limit is on bytes, not on characters", async ({ actions, acme }) => {
    const reply = await actions.call(runWorkflow, acme.owner, {
      workflowId: acme.workflow.id,
      input: "ü".repeat(600_000),
    });

    expect(reply).toBeRefused("PAYLOAD_TOO_LARGE");
  });

  test("input that PostgreSQL or a runner cannot hold is refused", async ({ actions, acme }) => {
    const huge = Array(4_000).fill(1e300);
    const inputs = [{ deep: ["a\u0000b"] }, { "a\u0000b": 1 }, { half: "\ud83d" }, { "\ude00": 1 }, nested(501), huge];

    const replies = [];
    for (const input of inputs)
      replies.push(await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input }));

    for (const reply of replies) {
      expect(reply).toBeRefused("BAD_INPUT");
      expect(reply).toMatchObject({ extensions: { issues: [{ path: "input" }] } });
    }
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("500 levels and whole surrogate pairs are taken as they are", async ({ actions, acme }) => {
    const input = { pair: "\ud83d\ude00", nested: nested(499) };

    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input });

    expect((await acme.tenant.runs())[0]?.input).toEqual(input);
  });

  test("a number beyond all numbers and 100,000 levels are refused", async ({ service, acme }) => {
    const session = JSON.stringify(sessionVariables(acme.owner));
    const call = (input: string) =>
      post(
        service,
        "/actions/runWorkflow",
        `{"action":{"name":"runWorkflow"},"input":{"workflowId":"${acme.workflow.id}","input":${input}},"session_variables":${session}}`,
        { "x-action-secret": ACTION_SECRET },
      );

    const replies = [await call("1e1000"), await call("[".repeat(100_000) + "]".repeat(100_000))];

    expect(replies.map(({ status, code }) => [status, code])).toEqual([
      [400, "BAD_INPUT"],
      [400, "BAD_INPUT"],
    ]);
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("arguments that do not fit are refused with their place", async ({ actions, acme }) => {
    const workflowId = acme.workflow.id;
    const faults = [
      ["workflowId", {}],
      ["workflowId", { workflowId: "7" }],
      ["version", { workflowId, version: 0 }],
      ["version", { workflowId, version: 1.5 }],
      ["version", { workflowId, version: "1" }],
      ["version", { workflowId, version: 2_147_483_648 }],
      ["idempotencyKey", { workflowId, idempotencyKey: "" }],
      ["idempotencyKey", { workflowId, idempotencyKey: "k".repeat(256) }],
      ["idempotencyKey", { workflowId, idempotencyKey: "k\u0000" }],
      ["", { workflowId, priority: 1 }],
    ] as const;

    const replies = [];
    for (const [path, input] of faults)
      replies.push([path, await actions.call(runWorkflow, acme.owner, input)] as const);

    for (const [path, reply] of replies) {
      expect(reply).toBeRefused("BAD_INPUT");
      expect(reply).toMatchObject({ extensions: { issues: [{ path }] } });
    }
    expect(await acme.tenant.runs()).toEqual([]);
  });
});
