import { randomUUID } from "node:crypto";
import type { TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { createWebhookTrigger } from "../src/actions/create-webhook-trigger.ts";
import { PUBLIC_URL, send, test } from "./service.ts";

const request = (workflowId: string, more: object = {}) => ({
  workflowId,
  name: "orders",
  scheme: "STANDARD_WEBHOOKS",
  ...more,
});

test.for(["owner", "admin", "builder"] as const)(
  "%s makes a trigger, and its secret signs at once",
  async (role, { service, world, actions, db, keys }) => {
    const acme = await world.tenant();
    const [caller, workflow] = [await acme.user(role), await acme.workflow()];

    const made = await actions.succeed(createWebhookTrigger, caller, request(workflow.id, { toleranceSeconds: 60 }));

    expect(made.webhookPath).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(made.webhookUrl).toBe(`${PUBLIC_URL}/hooks/${made.webhookPath}`);
    expect(Buffer.from(made.secret?.replace("whsec_", "") ?? "", "base64")).toHaveLength(32);
    const { rows } = await db.pool.query("select * from triggers");
    expect(rows).toMatchObject([
      {
        id: made.triggerId,
        tenant_id: acme.id,
        workflow_id: workflow.id,
        name: "orders",
        type: "WEBHOOK",
        enabled: true,
        signature_scheme: "STANDARD_WEBHOOKS",
        tolerance_seconds: 60,
        created_by: caller.id,
      },
    ]);
    expect(rows[0].webhook_secret_cipher.toString("latin1")).not.toContain(made.secret);
    const place = { tenantId: acme.id, table: "triggers", rowId: made.triggerId, column: "webhook_secret_cipher" };
    expect(await keys.open(place, rows[0].webhook_secret_cipher)).toBe(made.secret);
    const hook = { id: made.triggerId, path: made.webhookPath, secret: made.secret ?? "", tenantId: acme.id };
    expect((await send(service, hook, "{}")).status).toBe(202);
  },
);

test("a secret that was given is not given back", async ({ service, world, actions }) => {
  const acme = await world.tenant();
  const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];
  const secret = `whsec_${Buffer.alloc(24, 3).toString("base64")}`;

  const made = await actions.succeed(createWebhookTrigger, caller, request(workflow.id, { secret }));

  expect(made.secret).toBeNull();
  const hook = { id: made.triggerId, path: made.webhookPath, secret, tenantId: acme.id };
  expect((await send(service, hook, "{}")).status).toBe(202);
});

test("a trigger that is not enabled takes nothing", async ({ service, world, actions }) => {
  const acme = await world.tenant();
  const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];

  const made = await actions.succeed(createWebhookTrigger, caller, request(workflow.id, { enabled: false }));

  const hook = { id: made.triggerId, path: made.webhookPath, secret: made.secret ?? "", tenantId: acme.id };
  expect((await send(service, hook, "{}")).status).toBe(401);
});

test("the same call again makes another trigger with another address and secret", async ({
  service: _service,
  world,
  actions,
}) => {
  const acme = await world.tenant();
  const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];

  const made = [
    await actions.succeed(createWebhookTrigger, caller, request(workflow.id, { name: "one" })),
    await actions.succeed(createWebhookTrigger, caller, request(workflow.id, { name: "two" })),
  ];

  expect(new Set(made.flatMap(({ triggerId, webhookPath, secret }) => [triggerId, webhookPath, secret])).size).toBe(6);
});

const short = `whsec_${Buffer.alloc(23, 3).toString("base64")}`;
const long = `whsec_${Buffer.alloc(65, 3).toString("base64")}`;
test.for<[string, object]>([
  ["no name", { name: " " }],
  ["a long name", { name: "x".repeat(121) }],
  ["an unknown scheme", { scheme: "MD5" }],
  ["a scheme in another case", { scheme: "standard_webhooks" }],
  ["a tolerance of 29 s", { toleranceSeconds: 29 }],
  ["a tolerance of 901 s", { toleranceSeconds: 901 }],
  ["a tolerance that is no number", { toleranceSeconds: "300" }],
  ["a secret of 23 bytes", { secret: short }],
  ["a secret of 65 bytes", { secret: long }],
  ["a secret that is no base64", { secret: "not a secret at all" }],
  ["a secret that is no text", { secret: { $ne: "" } }],
  ["a signature configuration", { signatureConfig: { prefix: "v1" } }],
  ["a workflow id that is none", { workflowId: "1' or '1'='1" }],
  ["an unknown key", { tenantId: randomUUID() }],
])("%s is bad input", async ([, more], { service: _service, world, actions, db }) => {
  const acme = await world.tenant();
  const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];

  const reply = await actions.call(createWebhookTrigger, caller, request(workflow.id, more));

  expect(reply).toBeRefused("BAD_INPUT");
  expect(JSON.stringify(reply)).not.toContain(short);
  expect((await db.pool.query("select 1 from triggers")).rowCount).toBe(0);
});

test("neither a viewer nor a removed member nor nobody makes one", async ({
  service: _service,
  world,
  actions,
  db,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [viewer, removed] = [await acme.user("viewer"), await acme.user("builder")];
  await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where user_id = $1", [removed.id]);
  const call = (caller: TestUser | "anonymous") => actions.call(createWebhookTrigger, caller, request(workflow.id));

  expect(await call(viewer)).toBeRefused("FORBIDDEN");
  expect((await call(removed)).outcome).toBe("refused");
  expect((await call("anonymous")).outcome).toBe("refused");
  expect((await db.pool.query("select 1 from triggers")).rowCount).toBe(0);
});

test("workflows of another tenant, archived and unknown ones are not found", async ({
  service: _service,
  world,
  actions,
  db,
}) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const caller = await acme.user("owner");
  const [foreign, archived] = [await globex.workflow(), await acme.workflow()];
  await db.pool.query("update workflows set archived_at = now() where id = $1", [archived.id]);

  for (const id of [foreign.id, archived.id, randomUUID()])
    expect(await actions.call(createWebhookTrigger, caller, request(id))).toBeRefused("NOT_FOUND");
  expect((await db.pool.query("select 1 from triggers")).rowCount).toBe(0);
});

test("the secret of Hasura is needed", async ({ service: _service, world, actions }) => {
  const acme = await world.tenant();
  const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];

  for (const secret of [null, "wrong"])
    expect(await actions.call(createWebhookTrigger, caller, request(workflow.id), { secret })).toBeRefused(
      "UNAUTHENTICATED",
    );
});

test("the trail names who made it, and holds no secret", async ({ service: _service, world, actions, db }) => {
  const acme = await world.tenant();
  const [caller, workflow] = [await acme.user("builder"), await acme.workflow()];

  const made = await actions.succeed(createWebhookTrigger, caller, request(workflow.id));

  const trail = (await acme.audit()).filter(({ targetId }) => targetId === made.triggerId);
  expect(trail.map(({ actorId }) => actorId)).toEqual([caller.id]);
  expect(JSON.stringify(await acme.audit())).not.toContain(made.secret);
  const { rows } = await db.pool.query("select webhook_secret_cipher from triggers");
  expect(JSON.stringify(await acme.audit())).not.toContain(rows[0].webhook_secret_cipher.toString("base64"));
});
