import { createHash, randomUUID } from "node:crypto";
import { expect } from "vitest";
import { send, sign, test } from "./service.ts";

test("a signed delivery becomes one delivery row and one pending run of the latest version", async ({
  service,
  world,
  addHook,
  db,
  keys,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const hook = await addHook(workflow);
  const latest = await workflow.publish();
  const body = '{"n": 9007199254740993, "text": "\\u00e4", "list": [1.10]}';

  const answer = await send(service, hook, body, {
    id: "msg_1",
    headers: { "user-agent": "sender/1", cookie: "a=b", authorization: "Bearer x", "x-other": "y" },
  });

  expect([answer.status, answer.said]).toEqual([202, "ACCEPTED"]);
  expect(answer.headers).toMatchObject({
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  const [delivery, ...others] = await deliveries(db.pool, acme.id);
  expect(others).toEqual([]);
  expect(delivery).toMatchObject({
    id: answer.deliveryId,
    trigger_id: hook.id,
    sender_id: "msg_1",
    body_bytes: Buffer.byteLength(body),
    content_type: "application/json",
    matched_secret: "CURRENT",
    source_ip: "127.0.0.1",
    headers: {
      "content-type": "application/json",
      "user-agent": "sender/1",
      "webhook-id": "msg_1",
      "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
    },
  });
  expect(delivery.body_hash).toEqual(createHash("sha256").update(body).digest());
  const place = {
    tenantId: acme.id,
    table: "webhook_deliveries",
    rowId: String(answer.deliveryId),
    column: "body_cipher",
  };
  expect(await keys.open(place, delivery.body_cipher)).toBe(body);
  const { rows: runs } = await db.pool.query("select *, input::text as input_text from workflow_runs");
  expect(runs).toHaveLength(1);
  expect(runs[0]).toMatchObject({
    id: answer.runId,
    tenant_id: acme.id,
    workflow_id: workflow.id,
    workflow_version_id: latest.id,
    status: "PENDING",
    source: "WEBHOOK",
    trigger_id: hook.id,
    webhook_delivery_id: answer.deliveryId,
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
  });
  expect(runs[0].input_text).toBe('{"n": 9007199254740993, "list": [1.10], "text": "ä"}');
});

test("the trace of the sender is continued", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  await send(service, hook, "{}", {
    headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  });
  await send(service, hook, "{}", { headers: { traceparent: "nonsense" } });

  const traces = (await acme.runs()).map(({ traceparent }) => traceparent?.split("-")[1]);
  expect(traces[0]).toBe("0af7651916cd43dd8448eb211c80319c");
  expect(traces[1]).toMatch(/^[0-9a-f]{32}$/);
});

test("the same delivery again gets the ids of the first, counts there and makes no run", async ({
  service,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  const first = await send(service, hook, '{"a":1}', { id: "msg_1" });
  const again = await send(service, hook, '{"a":1}', { id: "msg_1", at: Math.floor(Date.now() / 1000) - 60 });

  expect([again.status, again.said]).toEqual([200, "DUPLICATE"]);
  expect([again.deliveryId, again.runId]).toEqual([first.deliveryId, first.runId]);
  expect(await acme.runs()).toHaveLength(1);
  expect(await deliveries(db.pool, acme.id)).toMatchObject([
    { duplicate_count: 1, conflict_count: 0, replay_count: 0, last_repeat_at: expect.any(Date) },
  ]);
});

test("the same id with another body is a conflict", async ({ service, world, addHook, db }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  await send(service, hook, '{"a":1}', { id: "msg_1" });

  const other = await send(service, hook, '{"a":2}', { id: "msg_1" });

  expect([other.status, other.code]).toEqual([409, "DEDUPE_KEY_CONFLICT"]);
  expect(await acme.runs()).toHaveLength(1);
  expect(await deliveries(db.pool, acme.id)).toMatchObject([{ duplicate_count: 0, conflict_count: 1 }]);
});

test("the same id at another trigger, or at another tenant's, is another delivery", async ({
  service,
  world,
  addHook,
}) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const workflow = await acme.workflow();
  const hooks = [await addHook(workflow), await addHook(workflow), await addHook(await globex.workflow())];

  const answers = [];
  for (const hook of hooks) answers.push(await send(service, hook, "{}", { id: "msg_1" }));

  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
  expect([(await acme.runs()).length, (await globex.runs()).length]).toEqual([2, 1]);
});

test("200 equal deliveries at once on 3 replicas are one run, and every answer has its ids", async ({
  start,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const replicas = [await start(), await start(), await start()];

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const replica = replicas[index % replicas.length];
      if (replica === undefined) throw new Error("no replica");
      return send(replica, hook, '{"a":1}', { id: "msg_1" });
    }),
  );

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(199);
  expect(new Set(answers.map(({ deliveryId, runId }) => `${deliveryId} ${runId}`)).size).toBe(1);
  expect(await acme.runs()).toHaveLength(1);
  expect(await deliveries(db.pool, acme.id)).toMatchObject([{ duplicate_count: 199 }]);
});

test("500 deliveries at once, 100 of them twice and 20 with a second body, are 500 runs", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const ids = Array.from({ length: 500 }, () => randomUUID());
  const bodyOf = (id: string) => JSON.stringify({ id });

  const answers = await Promise.all([
    ...ids.map((id) => send(service, hook, bodyOf(id), { id })),
    ...ids.slice(0, 100).map((id) => send(service, hook, bodyOf(id), { id })),
  ]);
  const conflicts = await Promise.all(ids.slice(0, 20).map((id) => send(service, hook, "[]", { id })));

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(500);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
  expect(conflicts.every(({ code }) => code === "DEDUPE_KEY_CONFLICT")).toBe(true);
  const runs = await acme.runs();
  expect(runs).toHaveLength(500);
  const runOf = new Map(answers.map(({ deliveryId, runId }) => [runId, deliveryId]));
  expect(runs.filter(({ id, webhookDeliveryId }) => runOf.get(id) !== webhookDeliveryId)).toEqual([]);
});

const binary = Buffer.from([0, 255, 1, 254]);
test.for<[string, string | undefined, string | Buffer, unknown]>([
  ["JSON", "application/json", '{"a":[1,"x"]}', { a: [1, "x"] }],
  ["JSON with a charset", "application/json; charset=utf-8", "[true]", [true]],
  ["JSON by suffix", "application/cloudevents+json", '"text"', "text"],
  ["no type, JSON", undefined, "17", 17],
  ["no type, no JSON", undefined, "a=b", { contentType: "", base64: "YT1i" }],
  ["an empty body", "application/json", "", null],
  ["JSON behind a byte order mark", "application/json", '\ufeff{"a":1}', { a: 1 }],
  ["no type, JSON behind a byte order mark", undefined, "\ufeff[1]", [1]],
  ["a form behind a byte order mark", "application/x-www-form-urlencoded", "\ufeffa=1&b=2", { a: "1", b: "2" }],
  ["text behind a byte order mark", "text/plain", "\ufeffa", { contentType: "text/plain", base64: "77u/YQ==" }],
  ["a form", "application/x-www-form-urlencoded", "a=1&b=x+y&a=%C3%A4", { a: ["1", "ä"], b: "x y" }],
  [
    "a form with odd names",
    "application/x-www-form-urlencoded",
    "__proto__=1&constructor=2",
    { ["__proto__"]: "1", constructor: "2" },
  ],
  ["text", "text/plain", "hello", { contentType: "text/plain", base64: "aGVsbG8=" }],
  ["bytes", "application/octet-stream", binary, { contentType: "application/octet-stream", base64: "AP8B/g==" }],
])("%s becomes the run's input", async ([, type, body, input], { service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  const answer = await send(service, hook, body, { headers: { "content-type": type ?? "" } });

  expect(answer.status).toBe(202);
  const [run] = await acme.runs();
  expect(run?.input).toEqual(input);
});

test("the input schema of the workflow is not the sender's business", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow({ inputSchema: { type: "object", required: ["needed"] } }));

  expect((await send(service, hook, "[]")).status).toBe(202);
});

test("the previous secret verifies until it expires, and the delivery says which one did", async ({
  service,
  world,
  addHook,
  keys,
  db,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const previous = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const hook = await addHook(workflow);
  const column = "webhook_secret_previous_cipher";
  const cipher = await keys.seal({ tenantId: acme.id, table: "triggers", rowId: hook.id, column }, previous);
  const keep = (until: string) =>
    db.pool.query(
      `update triggers set webhook_secret_previous_cipher = $1, webhook_secret_previous_expires_at = now() + $2::interval where id = $3`,
      [cipher, until, hook.id],
    );

  await keep("1 hour");
  const inGrace = await send(service, hook, "{}", { secret: previous });
  await keep("-1 second");
  await expect.poll(async () => (await send(service, hook, "{}", { secret: previous })).status).toBe(401);

  expect(inGrace.status).toBe(202);
  const rows = await deliveries(db.pool, acme.id);
  expect(rows.map(({ matched_secret }) => matched_secret)).toContain("PREVIOUS");
});

test.for([
  ["the trigger is disabled", "update triggers set enabled = false"],
  ["its workflow is archived", "update workflows set archived_at = now()"],
  ["nothing is published any more", "update workflow_versions set is_latest = false"],
])("within a second after %s nothing is taken any more", async ([, change], { service, world, addHook, db }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  expect((await send(service, hook, "{}")).status).toBe(202);

  await db.pool.query(change ?? "");
  const at = (await acme.runs()).length;
  const refused = await send(service, hook, "{}");

  // The look-up may still be cached; the statement that writes looks for itself.
  expect([refused.status, refused.code]).toEqual([401, "SIGNATURE_INVALID"]);
  expect(await acme.runs()).toHaveLength(at);
});

test("a sender that repeats its own signature list is verified by any of them", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const good = sign(hook, "{}");

  const answer = await send(service, hook, "{}", {
    headers: { ...good, "webhook-signature": `v1,AAAA v9,zz ${good["webhook-signature"]}` },
  });

  expect(answer.status).toBe(202);
});

// biome-ignore lint/suspicious/noExplicitAny: rows as PostgreSQL gives them
type Row = Record<string, any>;
async function deliveries(
  pool: { query(sql: string, values: unknown[]): Promise<{ rows: Row[] }> },
  tenantId: string,
): Promise<[Row, ...Row[]]> {
  const { rows } = await pool.query("select * from webhook_deliveries where tenant_id = $1 order by id", [tenantId]);
  const [first, ...others] = rows;
  if (first === undefined) throw new Error("there is no delivery");
  return [first, ...others];
}
