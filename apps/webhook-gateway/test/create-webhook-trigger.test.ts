import { randomUUID } from "node:crypto";
import type { TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { createWebhookTrigger } from "../src/actions/create-webhook-trigger.ts";
import { type SenderName, senders } from "./senders.ts";
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

test.for<[SenderName, { made: RegExp | undefined; stored: object }]>([
  ["GITHUB", { made: /^[0-9a-f]{64}$/, stored: {} }],
  ["GENERIC_HMAC", { made: /^[0-9a-f]{64}$/, stored: senders.GENERIC_HMAC.config }],
  ["STRIPE", { made: undefined, stored: {} }],
  ["SLACK", { made: undefined, stored: {} }],
  ["SHOPIFY", { made: undefined, stored: {} }],
])(
  "%s: the secret is ours, shown once, or the sender's, given; and it signs at once",
  async (row, { service, world, actions, db }) => {
    const [scheme, { made: pattern, stored }] = row;
    const acme = await world.tenant();
    const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];
    const given = pattern === undefined ? { secret: `given ${randomUUID()}` } : {};
    const signatureConfig = senders[scheme].config;

    const made = await actions.succeed(createWebhookTrigger, caller, {
      ...request(workflow.id, { scheme, signatureConfig }),
      ...given,
    });

    expect(made.secret ?? "").toMatch(pattern ?? /^$/);
    const secret = given.secret ?? made.secret ?? "";
    const statuses = [];
    for (const key of [secret, `${secret}x`]) {
      const headers = { "content-type": "application/json", ...senders[scheme].sign("{}", { secret: key, id: "1" }) };
      const reply = await service.server.inject({
        method: "POST",
        url: `/hooks/${made.webhookPath}`,
        headers,
        payload: "{}",
      });
      statuses.push(reply.statusCode);
    }
    expect(statuses).toEqual([202, 401]);
    const { rows } = await db.pool.query("select signature_scheme, signature_config from triggers");
    expect(rows).toEqual([{ signature_scheme: scheme, signature_config: stored }]);
  },
);

test.for<[string, object | null | undefined]>([
  ["nothing", undefined],
  ["null", null],
  ["an id header", { idHeader: "x-id" }],
])(
  "NONE, configured with %s, has no secret and takes what comes",
  async ([, signatureConfig], { service, world, actions, db }) => {
    const acme = await world.tenant();
    const [caller, workflow] = [await acme.user("owner"), await acme.workflow()];

    const made = await actions.succeed(
      createWebhookTrigger,
      caller,
      request(workflow.id, { scheme: "NONE", signatureConfig }),
    );

    expect(made.secret).toBeNull();
    const reply = await service.server.inject({ method: "POST", url: `/hooks/${made.webhookPath}`, payload: "{}" });
    expect(reply.statusCode).toBe(202);
    const { rows } = await db.pool.query(
      "select signature_scheme, signature_config, webhook_secret_cipher from triggers",
    );
    expect(rows).toEqual([
      { signature_scheme: "NONE", signature_config: signatureConfig ?? {}, webhook_secret_cipher: null },
    ]);
  },
);

const short = `whsec_${Buffer.alloc(23, 3).toString("base64")}`;
const long = `whsec_${Buffer.alloc(65, 3).toString("base64")}`;
test.for<[string, object]>([
  ["no name", { name: " " }],
  ["a long name", { name: "x".repeat(121) }],
  ["no scheme [CVE-2026-8505]", { scheme: undefined }],
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
  ["a signature configuration that is a list", { signatureConfig: [] }],
  ["GITHUB with a short secret", { scheme: "GITHUB", secret: "1234567" }],
  ["STRIPE without a secret", { scheme: "STRIPE" }],
  ["SLACK without a secret", { scheme: "SLACK" }],
  ["SHOPIFY without a secret", { scheme: "SHOPIFY" }],
  ["NONE with a secret", { scheme: "NONE", secret: "a secret of no use" }],
  ["NONE with a signature header", { scheme: "NONE", signatureConfig: { signatureHeader: "x" } }],
  ["NONE with an id in a cookie", { scheme: "NONE", signatureConfig: { idHeader: "cookie" } }],
  ["GENERIC_HMAC without a configuration", { scheme: "GENERIC_HMAC" }],
  [
    "GENERIC_HMAC with SHA-1",
    { scheme: "GENERIC_HMAC", signatureConfig: { ...senders.GENERIC_HMAC.config, algorithm: "sha1" } },
  ],
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
