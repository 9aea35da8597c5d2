import { createHash, randomUUID } from "node:crypto";
import { expect } from "vitest";
import { type SenderName, senders } from "./senders.ts";
import { readAnswer, type Service, test as serviceTest } from "./service.ts";

type Sent = { id?: string; at?: number };

/** A trigger of a scheme and its sender. */
const test = serviceTest.extend("listen", async ({ service, world, addHook, db }) => {
  return async (scheme: SenderName, config: object = senders[scheme].config) => {
    const acme = await world.tenant();
    const secret = `secret of ${randomUUID()}`;
    const options = { signatureScheme: scheme, signatureConfig: config, secret };
    const hook = await addHook(await acme.workflow(), options);
    const post = async (
      body: string,
      sent: Sent & { headers?: Record<string, string>; gateway?: Service | undefined } = {},
    ) => {
      const { headers = senders[scheme].sign(body, { secret, ...sent }), gateway = service } = sent;
      const reply = await gateway.server.inject({
        method: "POST",
        url: `/hooks/${hook.path}`,
        headers: { "content-type": "application/json", authorization: "Bearer x", cookie: "a=b", ...headers },
        payload: body,
      });
      return readAnswer(reply.statusCode, reply.headers, reply.body);
    };
    const deliveries = async () =>
      (await db.pool.query("select * from webhook_deliveries where tenant_id = $1 order by id", [acme.id])).rows;
    return { acme, secret, post, deliveries, hook };
  };
});

const stripeEvent = (id: string, more = "") => `{"id":"${id}","object":"event"${more}}`;
const slackEvent = (id: string, more = "") => `{"event_id":"${id}","type":"event_callback"${more}}`;

/** The same delivery again, later; the same id with another body; another delivery. */
test.for<[SenderName, { first: [string, Sent]; other: [string, Sent]; next: [string, Sent]; id: string }]>([
  ["GITHUB", { first: ["{}", { id: "g1" }], other: ["[]", { id: "g1" }], next: ["[1]", { id: "g2" }], id: "g1" }],
  [
    "STRIPE",
    {
      first: [stripeEvent("evt_1"), {}],
      other: [stripeEvent("evt_1", ',"a":1'), {}],
      next: [stripeEvent("evt_2"), {}],
      id: "evt_1",
    },
  ],
  [
    "SLACK",
    {
      first: [slackEvent("Ev1"), {}],
      other: [slackEvent("Ev1", ',"a":1'), {}],
      next: [slackEvent("Ev2"), {}],
      id: "Ev1",
    },
  ],
  ["SHOPIFY", { first: ["{}", { id: "s1" }], other: ["[]", { id: "s1" }], next: ["[1]", { id: "s2" }], id: "s1" }],
  ["GENERIC_HMAC", { first: ["{}", { id: "a1" }], other: ["[]", { id: "a1" }], next: ["[1]", { id: "a2" }], id: "a1" }],
  ["NONE", { first: ["{}", { id: "n1" }], other: ["[]", { id: "n1" }], next: ["{}", { id: "n2" }], id: "n1" }],
])("%s: one id is one run, and another body under it a conflict", async ([scheme, sent], { listen }) => {
  const { acme, post, deliveries } = await listen(scheme);
  const aMinuteOn = Math.floor(Date.now() / 1000) + 60;

  const first = await post(...sent.first);
  const again = await post(sent.first[0], { ...sent.first[1], at: aMinuteOn });
  const other = await post(...sent.other);
  const next = await post(...sent.next);

  expect([first.said, again.said, other.code, next.said]).toEqual([
    "ACCEPTED",
    "DUPLICATE",
    "DEDUPE_KEY_CONFLICT",
    "ACCEPTED",
  ]);
  expect([again.deliveryId, again.runId]).toEqual([first.deliveryId, first.runId]);
  expect(await acme.runs()).toHaveLength(2);
  const [row] = await deliveries();
  expect(row).toMatchObject({
    sender_id: sent.id,
    matched_secret: scheme === "NONE" ? "NONE" : "CURRENT",
    duplicate_count: 1,
    conflict_count: 1,
    replay_count: 0,
    last_repeat_at: expect.any(Date),
  });
});

test.for<[SenderName, string, string]>([
  ["GITHUB", "x-github-delivery", "x-hub-signature-256"],
  ["SHOPIFY", "x-shopify-webhook-id", "x-shopify-hmac-sha256"],
  ["GENERIC_HMAC", "x-acme-id", "x-acme-signature"],
])("%s: an old signature under another id, none or two is a replay and makes no run", async (row, { listen }) => {
  const [scheme, idHeader, signatureHeader] = row;
  const { acme, secret, post, deliveries } = await listen(scheme);
  const headers: Record<string, string> = senders[scheme].sign("{}", { secret, id: "first" });
  const { [idHeader]: _id, ...withoutId } = headers;

  const first = await post("{}", { headers });
  const renamed = await post("{}", { headers: { ...headers, [idHeader]: "renamed" } });
  const nameless = await post("{}", { headers: withoutId });

  expect([first.said, renamed.said, nameless.said]).toEqual(["ACCEPTED", "DUPLICATE", "DUPLICATE"]);
  expect(new Set([first, renamed, nameless].map(({ runId }) => runId)).size).toBe(1);
  expect(await acme.runs()).toHaveLength(1);
  const rows = await deliveries();
  const digest = headers[signatureHeader]?.replace("sha256=", "") ?? "";
  const bytes = Buffer.from(digest, scheme === "GITHUB" ? "hex" : "base64");
  expect(rows).toMatchObject([{ duplicate_count: 0, conflict_count: 0, replay_count: 2 }]);
  expect(rows[0].replay_key).toEqual(createHash("sha256").update(bytes).digest());
});

test.for<[SenderName, string]>([
  ["STRIPE", '{"object":"event","id":7}'],
  ["SLACK", '{"type":"url_verification"}'],
  ["GITHUB", "{}"],
  ["SHOPIFY", "{}"],
  ["GENERIC_HMAC", "{}"],
])("%s without an id: what was signed says whether it came before", async ([scheme, body], { listen }) => {
  const { acme, post, deliveries } = await listen(scheme);
  const at = Math.floor(Date.now() / 1000);

  const said = [
    (await post(body, { at })).said,
    (await post(body, { at })).said,
    (await post(`${body} `, { at })).said,
  ];

  expect(said).toEqual(["ACCEPTED", "DUPLICATE", "ACCEPTED"]);
  expect(await acme.runs()).toHaveLength(2);
  expect(await deliveries()).toMatchObject([{ sender_id: null, duplicate_count: 1 }, { duplicate_count: 0 }]);
});

test.for<[SenderName]>([["STRIPE"], ["SLACK"]])(
  "%s without an id: another second is another delivery",
  async ([scheme], { listen }) => {
    const { acme, post, deliveries } = await listen(scheme);
    const at = Math.floor(Date.now() / 1000);

    const said = [(await post("[]", { at })).said, (await post("[]", { at: at - 1 })).said];

    expect(said).toEqual(["ACCEPTED", "ACCEPTED"]);
    expect(await acme.runs()).toHaveLength(2);
    expect(await deliveries()).toMatchObject([{ replay_key: null }, { replay_key: null }]);
  },
);

test("NONE without an id: nothing is known again, each request is a run", async ({ listen }) => {
  const { acme, post, deliveries } = await listen("NONE", {});

  const said = [(await post("{}")).said, (await post("{}")).said];

  expect(said).toEqual(["ACCEPTED", "ACCEPTED"]);
  expect(await acme.runs()).toHaveLength(2);
  expect(await deliveries()).toMatchObject([{ dedupe_key: null, replay_key: null }, { sender_id: null }]);
});

test("once the keys are released, 7 days later, the same delivery is a new one", async ({ listen, db }) => {
  const { post, deliveries } = await listen("GITHUB");
  await post("{}", { id: "first" });
  await db.pool.query("update webhook_deliveries set dedupe_key = null, replay_key = null");

  const again = await post("{}", { id: "first" });

  expect(again.said).toBe("ACCEPTED");
  expect(await deliveries()).toMatchObject([{ duplicate_count: 0 }, { sender_id: "first" }]);
});

test("keys that are released while a repeat is being counted make it a new delivery, no refusal", async ({
  listen,
  db,
}) => {
  const { acme, post } = await listen("GITHUB");
  await post("{}", { id: "first" });
  // At the end of the statement that finds its keys taken.
  await db.pool.query(
    `create function internal.release_keys() returns trigger language plpgsql as $$
       begin update webhook_deliveries set dedupe_key = null, replay_key = null; return null; end $$`,
  );
  await db.pool.query(
    "create trigger release_keys after insert on workflow_runs execute function internal.release_keys()",
  );

  const again = await post("{}", { id: "first" });

  expect(again.said).toBe("ACCEPTED");
  expect(await acme.runs()).toHaveLength(2);
});

test("GENERIC_HMAC with a signed id: the same bytes cut into another id and body are a replay", async ({ listen }) => {
  const config = { ...senders.GENERIC_HMAC.config, template: "{id}.{body}" };
  const { acme, secret, post, deliveries } = await listen("GENERIC_HMAC", config);
  const signature = senders.GENERIC_HMAC.sign('order.7.{"a":1}', { secret });
  const postAs = (id: string, body: string) =>
    post(body, { headers: { ...signature, "x-acme-id": id, "content-type": "text/plain" } });

  const first = await postAs("order", '7.{"a":1}');
  const again = await postAs("order", '7.{"a":1}');
  const cut = await postAs("order.7", '{"a":1}');

  expect([first, again, cut].map(({ said }) => said)).toEqual(["ACCEPTED", "DUPLICATE", "DUPLICATE"]);
  expect(new Set([first, again, cut].map(({ runId }) => runId)).size).toBe(1);
  expect(await acme.runs()).toHaveLength(1);
  expect(await deliveries()).toMatchObject([{ duplicate_count: 1, replay_count: 1 }]);
});

test("the same id at two triggers is two deliveries", async ({ listen }) => {
  const [one, two] = [await listen("GITHUB"), await listen("GITHUB")];

  const said = [(await one.post("{}", { id: "same" })).said, (await two.post("{}", { id: "same" })).said];

  expect(said).toEqual(["ACCEPTED", "ACCEPTED"]);
});

test("200 at once at three gateways, of which half carry a new label, are one run", async ({
  listen,
  service,
  start,
}) => {
  const { acme, post, deliveries } = await listen("GITHUB");
  const gateways = [service, await start(), await start()];

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      post("{}", { id: index % 2 === 0 ? "first" : `label ${index}`, gateway: gateways[index % 3] }),
    ),
  );

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(199);
  expect(new Set(answers.map(({ deliveryId, runId }) => `${deliveryId} ${runId}`)).size).toBe(1);
  expect(await acme.runs()).toHaveLength(1);
  const [{ duplicate_count: duplicates, replay_count: replays }, ...others] = await deliveries();
  expect([duplicates + replays, others]).toEqual([199, []]);
});

test.for<[SenderName, Record<string, string>]>([
  ["GITHUB", { "x-github-event": "push", "x-github-delivery": "id 1" }],
  ["STRIPE", {}],
  ["SLACK", { "x-slack-request-timestamp": expect.stringMatching(/^\d+$/) }],
  [
    "SHOPIFY",
    { "x-shopify-topic": "orders/create", "x-shopify-shop-domain": "acme.example", "x-shopify-webhook-id": "id 1" },
  ],
  ["GENERIC_HMAC", { "x-acme-id": "id 1" }],
  ["NONE", { "x-acme-id": "id 1" }],
])(
  "%s: a delivery keeps its own headers, and no signature, cookie or authorization",
  async ([scheme, kept], { listen }) => {
    const { post, deliveries } = await listen(scheme);

    await post("{}", { id: "id 1" });

    const [row] = await deliveries();
    expect(row.headers).toEqual({ "content-type": "application/json", "user-agent": expect.any(String), ...kept });
  },
);

test("a header that carries the signature is not kept although all schemes keep it", async ({ listen }) => {
  const config = { ...senders.GENERIC_HMAC.config, signatureHeader: "user-agent" };
  const { secret, post, deliveries } = await listen("GENERIC_HMAC", config);
  const { "x-acme-signature": signature } = senders.GENERIC_HMAC.sign("{}", { secret });

  expect((await post("{}", { headers: { "user-agent": signature } })).said).toBe("ACCEPTED");

  expect((await deliveries())[0].headers).toEqual({ "content-type": "application/json" });
});

test("an id as long and odd as headers allow is kept cut, and known in full", async ({ listen }) => {
  const { post, deliveries } = await listen("STRIPE");
  const long = `${"x".repeat(254)}\u{1f600}${"y".repeat(2_000)}`;

  const said = [
    (await post(stripeEvent(long))).said,
    (await post(stripeEvent(long))).said,
    (await post(stripeEvent(`${long}z`))).said,
  ];

  expect(said).toEqual(["ACCEPTED", "DUPLICATE", "ACCEPTED"]);
  expect((await deliveries())[0].sender_id).toHaveLength(255);
});
