import { randomBytes, randomUUID } from "node:crypto";
import type { TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { rotateTriggerSecret } from "../src/actions/rotate-trigger-secret.ts";
import { sendTestWebhook } from "../src/actions/send-test-webhook.ts";
import { type SenderName, senders } from "./senders.ts";
import { send, test } from "./service.ts";

const NOTHING_STORED = { deliveryId: null, runId: null };

test.for<["STANDARD_WEBHOOKS" | SenderName, "CURRENT" | "NONE"]>([
  ["STANDARD_WEBHOOKS", "CURRENT"],
  ["GITHUB", "CURRENT"],
  ["STRIPE", "CURRENT"],
  ["SLACK", "CURRENT"],
  ["SHOPIFY", "CURRENT"],
  ["GENERIC_HMAC", "CURRENT"],
  ["NONE", "NONE"],
])(
  "%s: a signed request of our own is a real delivery and run, each time",
  async ([scheme, matched], { service: _service, world, actions, addHook, db }) => {
    const acme = await world.tenant();
    const caller = await acme.user("builder");
    const hook = await addHook(await acme.workflow(), {
      signatureScheme: scheme,
      signatureConfig: scheme === "STANDARD_WEBHOOKS" ? {} : senders[scheme].config,
      ...(scheme === "NONE" ? { webhookSecretCipher: null } : {}),
    });
    // As an event that carries its own id, and would be known by it if its sender sent it.
    const request = { triggerId: hook.id, payload: { id: "evt_1", event_id: "Ev1" } };

    const tested = [
      await actions.succeed(sendTestWebhook, caller, request),
      await actions.succeed(sendTestWebhook, caller, request),
    ];

    expect(tested.map(({ httpStatus }) => httpStatus)).toEqual([202, 202]);
    expect((await acme.runs()).map(({ id }) => id).sort()).toEqual(tested.map(({ runId }) => runId).sort());
    const { rows } = await db.pool.query("select * from webhook_deliveries order by id");
    expect(rows.map(({ id }) => id)).toEqual(tested.map(({ deliveryId }) => deliveryId));
    expect(rows[0]).toMatchObject({
      trigger_id: hook.id,
      sender_id: expect.stringMatching(/^test_/),
      matched_secret: matched,
      source_ip: null,
      headers: { "content-type": "application/json", "user-agent": "control-plane-test" },
    });
    const runs = await db.pool.query("select source, input from workflow_runs");
    expect(runs.rows[0]).toEqual({ source: "WEBHOOK", input: request.payload });
  },
);

test.for(["owner", "admin", "builder"] as const)(
  "%s may test any JSON",
  async (role, { service: _service, world, actions, addHook, db }) => {
    const acme = await world.tenant();
    const hook = await addHook(await acme.workflow());
    const caller = await acme.user(role);

    for (const payload of [[1, "zwei", null], "text", 0, {}])
      expect(await actions.succeed(sendTestWebhook, caller, { triggerId: hook.id, payload })).toMatchObject({
        httpStatus: 202,
      });

    const { rows } = await db.pool.query("select input from workflow_runs order by change_seq");
    expect(rows.map(({ input }) => input)).toEqual([[1, "zwei", null], "text", 0, {}]);
  },
);

test("what a sender would be refused the owner is told, and nothing is stored", async ({
  service,
  world,
  actions,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const workflow = await acme.workflow();
  const unpublished = await acme.workflow({ published: false });
  const [live, disabled, draft] = [
    await addHook(workflow),
    await addHook(workflow, { enabled: false }),
    await addHook(unpublished),
  ];
  const call = (triggerId: string, payload: unknown = {}) =>
    actions.succeed(sendTestWebhook, caller, { triggerId, payload });

  expect(await call(live.id, "x".repeat(1_048_575))).toEqual({ httpStatus: 413, ...NOTHING_STORED });
  for (const { id } of [disabled, draft]) expect(await call(id)).toEqual({ httpStatus: 401, ...NOTHING_STORED });
  await db.pool.query("update workflows set archived_at = now()");
  expect(await call(live.id)).toEqual({ httpStatus: 401, ...NOTHING_STORED });

  expect(await acme.runs()).toEqual([]);
  await service.deps.rejections.flush();
  const { rows } = await db.pool.query("select distinct last_rejection_reason as reason from triggers");
  expect(rows).toEqual([{ reason: "NOT_RECEIVING" }]);
});

test("a secret that was rotated just now signs, and is judged, although a look-up from before is still kept", async ({
  service,
  world,
  actions,
  addHook,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const hook = await addHook(await acme.workflow());
  const rotating = actions.succeed(rotateTriggerSecret, caller, { triggerId: hook.id, graceSeconds: 0 });
  await send(service, hook, "{}");
  await rotating;

  const tested = await actions.succeed(sendTestWebhook, caller, { triggerId: hook.id, payload: {} });

  expect(tested.httpStatus).toBe(202);
});

test("a key that only verifies cannot sign, nor can a secret or configuration that cannot be used", async ({
  service: _service,
  world,
  actions,
  addHook,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const workflow = await acme.workflow();
  const publicKey = await addHook(workflow, { secret: `whpk_${randomBytes(32).toString("base64")}` });
  const lost = await addHook(workflow, { webhookSecretCipher: randomBytes(64) });
  const odd = await addHook(workflow, { signatureScheme: "GENERIC_HMAC", signatureConfig: { algorithm: "sha1" } });
  const call = ({ id }: { id: string }) => actions.call(sendTestWebhook, caller, { triggerId: id, payload: {} });

  expect(await call(publicKey)).toBeRefused("BAD_INPUT");
  expect(await call(lost)).toBeRefused("CONFLICT");
  expect(await call(odd)).toBeRefused("CONFLICT");
  expect(await acme.runs()).toEqual([]);
});

test("what cannot be stored is bad input, and so is what does not fit", async ({
  service: _service,
  world,
  actions,
  addHook,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const triggerId = (await addHook(await acme.workflow())).id;
  const misfits = [
    { triggerId },
    { triggerId, payload: "a\u0000b" },
    { triggerId, payload: { "a\ud800": 1 } },
    { triggerId: "x", payload: {} },
    { triggerId, payload: {}, tenantId: randomUUID() },
  ];

  for (const misfit of misfits) expect(await actions.call(sendTestWebhook, caller, misfit)).toBeRefused("BAD_INPUT");

  expect(await acme.runs()).toEqual([]);
});

test("neither a viewer, a removed member nor nobody sends one, nor anybody to what is not his tenant's webhook trigger", async ({
  service: _service,
  world,
  actions,
  addHook,
  db,
}) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const workflow = await acme.workflow();
  const [hook, schedule] = [await addHook(workflow), await workflow.schedule()];
  const [owner, viewer, removed] = [await acme.user("owner"), await acme.user("viewer"), await acme.user("builder")];
  await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where user_id = $1", [removed.id]);
  const call = (caller: TestUser | "anonymous", triggerId = hook.id) =>
    actions.call(sendTestWebhook, caller, { triggerId, payload: {} });

  expect(await call(viewer)).toBeRefused("FORBIDDEN");
  expect((await call(removed)).outcome).toBe("refused");
  expect((await call("anonymous")).outcome).toBe("refused");
  expect(await call(await globex.user("owner"))).toBeRefused("NOT_FOUND");
  for (const id of [schedule.id, randomUUID()]) expect(await call(owner, id)).toBeRefused("NOT_FOUND");
  expect(await acme.runs()).toEqual([]);
});
