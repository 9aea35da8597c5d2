import { randomBytes, randomUUID } from "node:crypto";
import type { TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { rotateTriggerSecret } from "../src/actions/rotate-trigger-secret.ts";
import { type SenderName, senders } from "./senders.ts";
import { type Hook, send, test } from "./service.ts";

const withSecret = (hook: Hook, secret: string | null) => ({ ...hook, secret: secret ?? "" });

test.for(["owner", "admin", "builder"] as const)(
  "%s: old and new secret verify until the end of the grace, and the delivery says which one did",
  async (role, { service, world, actions, addHook, db }) => {
    const acme = await world.tenant();
    const caller = await acme.user(role);
    const hook = await addHook(await acme.workflow());

    const rotated = await actions.succeed(rotateTriggerSecret, caller, { triggerId: hook.id });

    expect(rotated.triggerId).toBe(hook.id);
    expect(Buffer.from(rotated.secret?.replace("whsec_", "") ?? "", "base64")).toHaveLength(32);
    const { rows } = await db.pool.query(
      `select webhook_secret_previous_expires_at as until,
              webhook_secret_previous_expires_at - updated_at = interval '1 day' as a_day from triggers`,
    );
    expect(rows).toEqual([{ until: new Date(rotated.previousExpiresAt ?? ""), a_day: true }]);
    const said = [await send(service, hook, "{}"), await send(service, withSecret(hook, rotated.secret), "{}")];
    expect(said.map(({ said }) => said)).toEqual(["ACCEPTED", "ACCEPTED"]);
    const { rows: deliveries } = await db.pool.query("select matched_secret from webhook_deliveries order by id");
    expect(deliveries).toEqual([{ matched_secret: "PREVIOUS" }, { matched_secret: "CURRENT" }]);
  },
);

test("the old secret dies at its end", async ({ service, world, actions, addHook, db }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const { secret } = await actions.succeed(rotateTriggerSecret, await acme.user("owner"), {
    triggerId: hook.id,
    graceSeconds: 604_800,
  });

  await db.pool.query("update triggers set webhook_secret_previous_expires_at = now()");

  expect((await send(service, hook, "{}")).code).toBe("SIGNATURE_INVALID");
  expect((await send(service, withSecret(hook, secret), "{}")).said).toBe("ACCEPTED");
});

test("without a grace the old secret is dead on every replica when the answer comes, and the new one alive", async ({
  service,
  start,
  world,
  actions,
  addHook,
  db,
}) => {
  const replica = await start();
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  expect((await send(replica, hook, "{}")).said).toBe("ACCEPTED");

  const rotated = await actions.succeed(rotateTriggerSecret, await acme.user("builder"), {
    triggerId: hook.id,
    graceSeconds: 0,
  });

  expect(rotated.previousExpiresAt).toBeNull();
  for (const gateway of [replica, service]) {
    expect((await send(gateway, hook, "{}")).code).toBe("SIGNATURE_INVALID");
    expect((await send(gateway, withSecret(hook, rotated.secret), "{}")).said).toBe("ACCEPTED");
  }
  const { rows } = await db.pool.query("select webhook_secret_previous_cipher from triggers");
  expect(rows).toEqual([{ webhook_secret_previous_cipher: null }]);
});

test("two gateways under load refuse nothing while the secret is rotated again and again", async ({
  service,
  start,
  world,
  actions,
  addHook,
}) => {
  const gateways = [service, await start()];
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  let hook = await addHook(await acme.workflow());
  const heard: number[] = [];
  let rotating = true;
  // The senders sign with what the owner was told last.
  const running = Promise.all(
    gateways.map(async (gateway) => {
      while (rotating) heard.push((await send(gateway, hook, "{}")).status);
    }),
  );

  for (let round = 0; round < 3; round++) {
    const { secret } = await actions.succeed(rotateTriggerSecret, caller, { triggerId: hook.id });
    hook = withSecret(hook, secret);
    // So long that nothing is under way any more that was signed before.
    const before = heard.length;
    await expect.poll(() => heard.length).toBeGreaterThan(before + 10);
  }
  rotating = false;
  await running;

  expect([...new Set(heard)]).toEqual([202]);
});

test("rotated twice, the oldest secret is dead", async ({ service, world, actions, addHook }) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const first = await addHook(await acme.workflow());

  const second = await actions.succeed(rotateTriggerSecret, caller, { triggerId: first.id });
  const third = await actions.succeed(rotateTriggerSecret, caller, { triggerId: first.id });

  const said = [];
  for (const secret of [first.secret, second.secret, third.secret])
    said.push((await send(service, withSecret(first, secret), "{}")).status);
  expect(said).toEqual([401, 202, 202]);
});

test("rotations that meet follow one another: each secret that was shown last or before last verifies", async ({
  service,
  world,
  actions,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const hook = await addHook(await acme.workflow());
  const rotate = () => actions.succeed(rotateTriggerSecret, caller, { triggerId: hook.id });

  const made = await Promise.all([rotate(), rotate(), rotate()]);

  const statuses = [];
  for (const { secret } of made) statuses.push((await send(service, withSecret(hook, secret), "{}")).status);
  expect(statuses.sort()).toEqual([202, 202, 401]);
  const { rows } = await db.pool.query("select matched_secret from webhook_deliveries order by matched_secret");
  expect(rows).toEqual([{ matched_secret: "CURRENT" }, { matched_secret: "PREVIOUS" }]);
});

test.for<[SenderName, boolean]>([
  ["GITHUB", true],
  ["GENERIC_HMAC", true],
  ["STRIPE", false],
  ["SLACK", false],
  ["SHOPIFY", false],
])(
  "%s: the next secret is ours, shown once, or the sender's, given",
  async ([scheme, ours], { service, world, actions, addHook }) => {
    const acme = await world.tenant();
    const caller = await acme.user("owner");
    const options = { signatureScheme: scheme, signatureConfig: senders[scheme].config, secret: "the first secret" };
    const hook = await addHook(await acme.workflow(), options);
    const given = ours ? {} : { secret: "the second secret" };

    const rotated = await actions.succeed(rotateTriggerSecret, caller, { triggerId: hook.id, ...given });

    expect(rotated.secret ?? "").toMatch(ours ? /^[0-9a-f]{64}$/ : /^$/);
    const statuses = [];
    for (const secret of ["the first secret", rotated.secret ?? given.secret ?? "", "another secret"]) {
      const headers = senders[scheme].sign(`{"signed":"with ${secret}"}`, { secret, id: randomUUID() });
      const reply = await service.server.inject({
        method: "POST",
        url: `/hooks/${hook.path}`,
        headers: { "content-type": "application/json", ...headers },
        payload: `{"signed":"with ${secret}"}`,
      });
      statuses.push(reply.statusCode);
    }
    expect(statuses).toEqual([202, 202, 401]);
  },
);

test("a stored secret that no longer opens is replaced, with nothing before it", async ({
  service,
  world,
  actions,
  addHook,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow(), { webhookSecretCipher: randomBytes(64) });

  const rotated = await actions.succeed(rotateTriggerSecret, await acme.user("owner"), { triggerId: hook.id });

  expect(rotated.previousExpiresAt).toBeNull();
  expect((await send(service, withSecret(hook, rotated.secret), "{}")).said).toBe("ACCEPTED");
});

test("the secret of a disabled trigger, or of an archived workflow, can be rotated, and the trigger stays as it is", async ({
  service,
  world,
  actions,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const workflow = await acme.workflow();
  const disabled = await addHook(workflow, { enabled: false });
  await db.pool.query("update workflows set archived_at = now()");

  const rotated = await actions.succeed(rotateTriggerSecret, caller, { triggerId: disabled.id });

  expect((await send(service, withSecret(disabled, rotated.secret), "{}")).code).toBe("SIGNATURE_INVALID");
  expect((await db.pool.query("select enabled from triggers")).rows).toEqual([{ enabled: false }]);
});

test("what does not fit is bad input, and nothing changes", async ({ service, world, actions, addHook }) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const hook = await addHook(await acme.workflow());
  const misfits = [
    { graceSeconds: -1 },
    { graceSeconds: 604_801 },
    { graceSeconds: "60" },
    { secret: "not a secret of this scheme" },
    { secret: "1234567" },
    { triggerId: "1' or '1'='1" },
    { tenantId: randomUUID() },
  ];

  for (const misfit of misfits)
    expect(await actions.call(rotateTriggerSecret, caller, { triggerId: hook.id, ...misfit })).toBeRefused("BAD_INPUT");

  expect((await send(service, hook, "{}")).said).toBe("ACCEPTED");
});

test("a trigger that takes what comes unsigned has no secret to rotate", async ({
  service: _service,
  world,
  actions,
  addHook,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("owner");
  const hook = await addHook(await acme.workflow(), { signatureScheme: "NONE", webhookSecretCipher: null });

  for (const more of [{}, { secret: "a secret of no use" }])
    expect(await actions.call(rotateTriggerSecret, caller, { triggerId: hook.id, ...more })).toBeRefused("BAD_INPUT");
});

test("neither a viewer, a removed member nor nobody rotates, nor anybody what is not his tenant's webhook trigger", async ({
  service,
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
    actions.call(rotateTriggerSecret, caller, { triggerId, graceSeconds: 0 });

  expect(await call(viewer)).toBeRefused("FORBIDDEN");
  expect((await call(removed)).outcome).toBe("refused");
  expect((await call("anonymous")).outcome).toBe("refused");
  expect(await call(await globex.user("owner"))).toBeRefused("NOT_FOUND");
  for (const id of [schedule.id, randomUUID()]) expect(await call(owner, id)).toBeRefused("NOT_FOUND");
  expect((await send(service, hook, "{}")).said).toBe("ACCEPTED");
});

test("the trail names who rotated what, and holds no secret", async ({
  service: _service,
  world,
  actions,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const caller = await acme.user("builder");
  const hook = await addHook(await acme.workflow());

  const { secret } = await actions.succeed(rotateTriggerSecret, caller, { triggerId: hook.id });

  const trail = (await acme.audit()).filter(({ actorId }) => actorId === caller.id);
  expect(trail).toMatchObject([{ action: "trigger.updated", targetId: hook.id, source: "webhook-gateway" }]);
  const text = JSON.stringify(await acme.audit());
  const { rows } = await db.pool.query(
    "select webhook_secret_cipher as a, webhook_secret_previous_cipher as b from triggers",
  );
  for (const hidden of [secret, hook.secret, rows[0].a.toString("base64"), rows[0].b.toString("base64")])
    expect(text).not.toContain(hidden);
  expect(text).toContain("webhook_secret_cipher");
});
