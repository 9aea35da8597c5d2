import { randomUUID } from "node:crypto";
import { describe, expect } from "vitest";
import { login } from "../src/actions/login.ts";
import { publishWorkflowVersion } from "../src/actions/publish-workflow-version.ts";
import { post, test } from "./service.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const HEADERS = { "x-request-id": "req-audit-1", traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };
const CONTEXT = { requestId: "req-audit-1", traceId: TRACE_ID };

describe("every row of the trail says which request and trace it came from", () => {
  test("registration", async ({ service, db }) => {
    const email = `${randomUUID()}@example.com`;

    await post(
      service,
      "/auth/register",
      { email, password: "correct horse battery", name: "Ada", tenantName: "Acme" },
      HEADERS,
    );

    const { rows } = await db.pool.query(
      "select distinct request_id, trace_id from audit_events where tenant_id is not null",
    );
    expect(rows).toEqual([{ request_id: "req-audit-1", trace_id: TRACE_ID }]);
  });

  test("signing in, and being refused to", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");

    await actions.succeed(login, "anonymous", { email: user.email, password: user.password }, { headers: HEADERS });
    await actions.call(login, "anonymous", { email: user.email, password: "wrong" }, { headers: HEADERS });

    const trail = await acme.audit();
    expect(trail.find(({ action }) => action === "session.started")).toMatchObject(CONTEXT);
    await expect
      .poll(async () => (await acme.audit()).find(({ action }) => action === "session.denied"))
      .toMatchObject(CONTEXT);
  });
});

describe("a refused caller is on the trail", () => {
  test.for([
    ["whose role lacks the right", "viewer", {}],
    ["who was demoted since", "viewer", { "x-hasura-role": "owner" }],
  ] as const)("%s", async ([, role, session], { world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user(role);
    const workflow = await acme.workflow();

    const reply = await actions.call(
      publishWorkflowVersion,
      user,
      { workflowId: workflow.id },
      { session, headers: HEADERS },
    );

    expect(reply).toBeRefused("FORBIDDEN");
    expect((await acme.audit()).filter(({ outcome }) => outcome === "DENIED")).toEqual([
      expect.objectContaining({ action: "publishWorkflowVersion.denied", actorId: user.id, ...CONTEXT }),
    ]);
  });

  test("who was removed since", async ({ world, actions, db }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const workflow = await acme.workflow();
    await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where user_id = $1", [user.id]);

    const reply = await actions.call(publishWorkflowVersion, user, { workflowId: workflow.id }, { headers: HEADERS });

    expect(reply).toBeRefused("FORBIDDEN");
    expect((await acme.audit()).filter(({ outcome }) => outcome === "DENIED")).toEqual([
      expect.objectContaining({ action: "publishWorkflowVersion.denied", actorId: user.id, ...CONTEXT }),
    ]);
  });
});
