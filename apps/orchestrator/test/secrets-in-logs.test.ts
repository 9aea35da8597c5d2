import { createMetrics } from "@control-plane/service-kit";
import { recordLog } from "@control-plane/testkit";
import { expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { buildServer } from "../src/server.ts";
import { ACTION_SECRET, callRunner, EVENT_SECRET, test } from "./service.ts";

const CANARY = "canary-2be9";

test("a statement that fails writes no input, output or lease token to the log or the answer", async ({
  service,
  world,
  runner,
  actions,
  db,
}) => {
  const acme = await world.tenant();
  const [owner, workflow] = [await acme.user("owner"), await acme.workflow()];
  const run = await workflow.run({ status: "QUEUED" });
  const { lease } = await runner.claim(run.id);
  const { log, text } = recordLog("orchestrator");
  const server = await buildServer(
    { ...service.deps, log, metrics: createMetrics("orchestrator") },
    { actionSecrets: [ACTION_SECRET], eventSecrets: [EVENT_SECRET], trustedProxies: [] },
  );
  actions.bind(server, ACTION_SECRET);
  await db.pool.query("alter table workflow_runs add constraint doomed check (false) not valid");

  const started = await actions.call(runWorkflow, owner, { workflowId: workflow.id, input: { secret: CANARY } });
  const reported = await callRunner({ server }, run.id, "events", lease.leaseToken, {
    contractVersion: 1,
    attempt: 1,
    events: [{ seq: 1, at: "2026-01-01T00:00:00Z", type: "run.succeeded", output: { secret: CANARY } }],
  });
  await server.close();

  expect([started.status, reported.status]).toEqual([500, 500]);
  expect(text()).toContain("doomed");
  for (const secret of [CANARY, lease.leaseToken, "insert into", "update "]) {
    expect(text()).not.toContain(secret);
    expect(reported.text).not.toContain(secret);
  }
});
