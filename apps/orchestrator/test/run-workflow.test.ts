import { randomUUID } from "node:crypto";
import {
  type ActionReply,
  sessionVariables,
  type TestTenant,
  type TestUser,
  type TestWorkflow,
} from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { ACTION_SECRET, test as base, post } from "./service.ts";

const test = base.extend("acme", async ({ world }) => {
  const tenant = await world.tenant();
  return { tenant, owner: await tenant.user("owner"), workflow: await tenant.workflow() };
});

const INTEGER_SCHEMA = {
  type: "object",
  properties: { count: { type: "integer", minimum: 1 }, note: { type: "string" } },
  required: ["count"],
  additionalProperties: false,
};

const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

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

describe("input", () => {
  test("input that fits the schema of the version is taken", async ({ actions, acme }) => {
    await acme.workflow.publish({ inputSchema: INTEGER_SCHEMA });

    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input: { count: 1 } });

    expect((await acme.tenant.runs()).map(({ input }) => input)).toEqual([{ count: 1 }]);
  });

  test("input that does not fit is refused with every fault and its place, and no run is left", async ({
    actions,
    acme,
  }) => {
    await acme.workflow.publish({ inputSchema: INTEGER_SCHEMA });

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
    await acme.workflow.publish({ inputSchema: INTEGER_SCHEMA });

    await actions.succeed(runWorkflow, acme.owner, {
      workflowId: acme.workflow.id,
      version: first.version,
      input: "anything",
    });

    expect((await acme.tenant.runs()).map(({ input }) => input)).toEqual(["anything"]);
  });

  test("no input is held to the schema too", async ({ actions, acme }) => {
    await acme.workflow.publish({ inputSchema: INTEGER_SCHEMA });

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

    const replies = [await call("1e400"), await call("[".repeat(100_000) + "]".repeat(100_000))];

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

describe("who", () => {
  test("a viewer starts nothing, and the attempt is on the trail", async ({ actions, acme }) => {
    const viewer = await acme.tenant.user("viewer");

    const reply = await actions.call(runWorkflow, viewer, { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
    const denied = (await acme.tenant.audit()).filter(({ outcome }) => outcome === "DENIED");
    expect(denied.map(({ action, actorId }) => [action, actorId])).toEqual([["runWorkflow.denied", viewer.id]]);
  });

  test("a viewer who says he is an owner is believed by nobody", async ({ actions, acme }) => {
    const viewer = await acme.tenant.user("viewer");

    const reply = await actions.call(
      runWorkflow,
      viewer,
      { workflowId: acme.workflow.id },
      { session: { "x-hasura-role": "owner" } },
    );

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("a member of one tenant is nobody in another", async ({ actions, acme, world }) => {
    const stranger = await (await world.tenant()).user("owner");

    const reply = await actions.call(
      runWorkflow,
      stranger,
      { workflowId: acme.workflow.id },
      { session: { "x-hasura-tenant-id": acme.tenant.id } },
    );

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("a removed member starts nothing though the token lives on", async ({ actions, acme, db }) => {
    const gone = await acme.tenant.user("admin");
    await db.db.execute(
      sql`update memberships set status = 'REMOVED', removed_at = now() where id = ${gone.membershipId}`,
    );

    const reply = await actions.call(runWorkflow, gone, { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("FORBIDDEN");
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("without a session nobody is known", async ({ actions, acme }) => {
    const reply = await actions.call(runWorkflow, "anonymous", { workflowId: acme.workflow.id });

    expect(reply).toBeRefused("FORBIDDEN");
  });

  test("no secret and a wrong one are refused before the body is read", async ({ service }) => {
    const call = (headers: Record<string, string>) =>
      post(service, "/actions/runWorkflow", "{ this is no json", headers);

    const replies = [await call({}), await call({ "x-action-secret": "not the secret of hasura" })];

    expect(replies.map(({ status, code }) => [status, code])).toEqual([
      [401, "UNAUTHENTICATED"],
      [401, "UNAUTHENTICATED"],
    ]);
  });
});

describe("idempotency key", () => {
  const call = { input: { a: 1, b: [2] }, idempotencyKey: "order-17" };

  test("the same call again gives the first run, whatever its state", async ({ actions, acme, db }) => {
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });
    await db.db.execute(sql`update workflow_runs set status = 'CANCELLED', finished_at = now()`);

    const again = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    expect(again).toEqual({ runId: first.runId, status: "CANCELLED", deduplicated: true });
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("equal is what is equal as JSON, whoever asks", async ({ actions, acme }) => {
    const colleague = await acme.tenant.user("builder");
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    const again = await actions.succeed(runWorkflow, colleague, {
      workflowId: acme.workflow.id,
      input: { b: [2.0], a: 1 },
      idempotencyKey: call.idempotencyKey,
    });

    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
  });

  test("after a publication the same call still gives the first run, with its version", async ({ actions, acme }) => {
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });
    await acme.workflow.publish({ inputSchema: INTEGER_SCHEMA });

    const again = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("a repeat that names the version which ran is the same call", async ({ actions, acme }) => {
    const first = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });

    const again = await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, version: 1, ...call });

    expect(again).toMatchObject({ runId: first.runId, deduplicated: true });
  });

  for (const [what, over] of [
    ["other input", { input: { a: 2 } }],
    ["no input", { input: undefined }],
    ["another version", { version: 2 }],
  ] as const) {
    test(`the key with ${what} is refused`, async ({ actions, acme }) => {
      await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call });
      await acme.workflow.publish();

      const reply = await actions.call(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call, ...over });

      expect(reply).toBeRefused("IDEMPOTENCY_KEY_REUSED");
      expect(reply.status).toBe(409);
      expect(await acme.tenant.runs()).toHaveLength(1);
    });
  }

  test("a key belongs to one workflow of one tenant", async ({ actions, acme, world }) => {
    const other = await world.tenant();
    const stranger = await other.user("owner");
    const second = await acme.tenant.workflow();
    const theirs = await other.workflow();

    const outcomes = [
      await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call }),
      await actions.succeed(runWorkflow, acme.owner, { workflowId: second.id, ...call }),
      await actions.succeed(runWorkflow, stranger, { workflowId: theirs.id, ...call }),
    ];

    expect(outcomes.map(({ deduplicated }) => deduplicated)).toEqual([false, false, false]);
    expect(new Set(outcomes.map(({ runId }) => runId)).size).toBe(3);
  });

  test("a refused call does not use up its key", async ({ actions, acme }) => {
    await acme.workflow.publish({ inputSchema: INTEGER_SCHEMA });
    const withKey = (input: unknown) => ({ workflowId: acme.workflow.id, idempotencyKey: "order-18", input });

    const refused = await actions.call(runWorkflow, acme.owner, withKey({ count: "two" }));
    const mended = await actions.call(runWorkflow, acme.owner, withKey({ count: 2 }));

    expect(refused).toBeRefused("INPUT_INVALID");
    expect(mended).toMatchObject({ output: { deduplicated: false } });
  });

  test("of many calls at once one makes the run and all are told of it", async ({ actions, acme }) => {
    const replies = await Promise.all(
      Array.from({ length: 12 }, () =>
        actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, ...call }),
      ),
    );

    expect(replies.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    expect(new Set(replies.map(({ runId }) => runId)).size).toBe(1);
    expect(await acme.tenant.runs()).toHaveLength(1);
  });

  test("calls without a key are separate runs", async ({ actions, acme }) => {
    const start = () => actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, input: 1 });

    const [first, second] = [await start(), await start()];

    expect(first.runId).not.toBe(second.runId);
    expect(await acme.tenant.runs()).toHaveLength(2);
  });

  test("a key of 255 characters is kept whole", async ({ actions, acme }) => {
    const key = "é".repeat(255);

    await actions.succeed(runWorkflow, acme.owner, { workflowId: acme.workflow.id, idempotencyKey: key });

    expect((await acme.tenant.runs()).map(({ idempotencyKey }) => idempotencyKey)).toEqual([key]);
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

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

const countRuns = async (...tenants: TestTenant[]) =>
  Promise.all(tenants.map(async (tenant) => (await tenant.runs()).length));

function said(reply: ActionReply) {
  if (reply.outcome === "done") throw new Error("the call was not refused");
  return { code: reply.code, message: reply.message };
}
