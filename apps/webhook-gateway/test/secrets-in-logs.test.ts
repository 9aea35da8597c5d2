import { createMetrics } from "@control-plane/service-kit";
import { recordLog } from "@control-plane/testkit";
import { expect } from "vitest";
import { createWebhookTrigger } from "../src/actions/create-webhook-trigger.ts";
import { buildServer } from "../src/server.ts";
import { ACTION_SECRET, send, test } from "./service.ts";

const CANARY = "canary-9c07";

test("a statement that fails writes no body, path, secret or ciphertext to the log or the answer", async ({
  service,
  world,
  addHook,
  actions,
  db,
}) => {
  const acme = await world.tenant();
  const [owner, workflow] = [await acme.user("owner"), await acme.workflow()];
  const hook = await addHook(workflow);
  const { log, text } = recordLog("webhook-gateway");
  const server = await buildServer(
    { ...service.deps, log, metrics: createMetrics("webhook-gateway") },
    { actionSecrets: [ACTION_SECRET], trustedProxies: [], hooks: LIMITS },
  );
  actions.bind(server, ACTION_SECRET);
  await db.pool.query("alter table webhook_deliveries add constraint doomed check (false) not valid");
  await db.pool.query("alter table triggers add constraint doomed_too check (false) not valid");

  const answer = await send({ server }, hook, JSON.stringify({ secret: CANARY }));
  const reply = await actions.call(createWebhookTrigger, owner, {
    workflowId: workflow.id,
    name: CANARY,
    scheme: "STANDARD_WEBHOOKS",
  });
  await server.close();

  expect([answer.status, reply.status]).toEqual([500, 500]);
  expect(text()).toContain("doomed");
  expect(text()).toContain("doomed_too");
  for (const secret of [CANARY, hook.path, hook.secret, "insert into", "\\\\x01"]) {
    expect(text()).not.toContain(secret);
    expect(answer.text).not.toContain(secret);
  }
});

const LIMITS = { bodyBytesMax: 1_048_576, bodyMsMax: 10_000, perPath: 0, perAddress: 0 };
