import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEnvelope, createLocalKeyring, type Envelope, type WrappedKey } from "@control-plane/crypto";
import { signatureScheme } from "@control-plane/db";
import { describe, expect } from "vitest";
import { z } from "zod";
import { schemeNames } from "../src/domain/schemes/all.ts";
import { createSecretReader, judge } from "../src/domain/signature.ts";
import type { TriggerSigning } from "../src/store/triggers.ts";
import { type Hook, readAnswer, type Service, sign, test } from "./service.ts";

const file = join(import.meta.dirname, "../../../packages/testkit/vectors/webhook-signatures.json");

const secretSchema = z.object({ value: z.string(), state: z.string(), expiresAt: z.number().optional() });
const vectorSchema = z.object({
  id: z.string(),
  scheme: z.string(),
  secrets: z.array(secretSchema),
  toleranceSeconds: z.number().optional(),
  receivedAt: z.number(),
  config: z
    .unknown()
    .optional()
    .transform((config) => config ?? {}),
  request: z.object({
    method: z.string(),
    path: z.string(),
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string().optional(),
    bodyBase64: z.string().optional(),
  }),
  expect: z.object({
    outcome: z.enum(["ACCEPT", "REJECT"]),
    reason: z.string().optional(),
    matchedSecret: z.number().optional(),
    dedupeKey: z.string().optional(),
  }),
});
const { header, vectors } = z
  .object({ header: z.object({ counts: z.record(z.string(), z.number()) }), vectors: z.array(vectorSchema) })
  .parse(JSON.parse(readFileSync(file, "utf8")));

test("every scheme of the database is verified, and every vector is one of these", () => {
  expect([...schemeNames].sort()).toEqual([...signatureScheme.enumValues].sort());
  expect(vectors.filter(({ scheme }) => schemeNames.some((name) => name === scheme))).toHaveLength(125);
});

describe.each(schemeNames)("every vector of %s", (name) => {
  const judged = vectors.filter(({ scheme }) => scheme === name);

  test("there are as many as the table says", () => {
    expect(judged).toHaveLength((header.counts[`${name} ACCEPT`] ?? 0) + (header.counts[`${name} REJECT`] ?? 0));
    expect(judged.length).toBeGreaterThan(0);
  });

  test.for(judged.map((vector) => [vector.id, vector] as const))("%s", async ([, vector]) => {
    const { scheme, config, secrets, request, receivedAt, toleranceSeconds = 300, expect: expected } = vector;
    const [id, tenantId, envelope] = [randomUUID(), randomUUID(), createEnvelopeInMemory()];
    const seal = (column: string, text: string | undefined) =>
      text === undefined
        ? undefined
        : envelope.seal({ tenantId, table: "triggers", rowId: id, column }, Buffer.from(text));
    const [current, previous] = secrets;
    const trigger: TriggerSigning = {
      id,
      tenantId,
      scheme,
      config,
      toleranceSeconds,
      secret: await seal("webhook_secret_cipher", current?.value),
      previousSecret: await seal("webhook_secret_previous_cipher", previous?.value),
      previousSecretExpiresAt: previous?.expiresAt,
    };

    const judgement = await judge(
      createSecretReader(envelope),
      { kind: "receiving", trigger },
      {
        method: request.method,
        target: request.path,
        headers: request.headers.map(([name, value]) => [name.toLowerCase(), value]),
        body:
          request.bodyBase64 === undefined
            ? Buffer.from(request.body ?? "")
            : Buffer.from(request.bodyBase64, "base64"),
        receivedAt,
      },
    );

    if (expected.outcome === "REJECT") expect(judgement).toMatchObject({ outcome: "refused", reason: expected.reason });
    else expect(judgement).toMatchObject({ outcome: "verified", identity: { senderId: expected.dedupeKey } });
    if (expected.matchedSecret !== undefined)
      expect(judgement).toMatchObject({ matchedSecret: expected.matchedSecret === 0 ? "CURRENT" : "PREVIOUS" });
  });
});

/** As the service has it, but for the table of keys. */
function createEnvelopeInMemory(): Envelope {
  const keys: WrappedKey[] = [];
  return createEnvelope({
    provider: createLocalKeyring(JSON.stringify({ current: "k", keys: { k: randomBytes(32).toString("base64") } })),
    loadKey: async (tenantId) => keys.find((key) => key.tenantId === tenantId),
    loadKeyById: async (id) => keys.find((key) => key.id === id),
    insertKey: async (key) => {
      keys.push(key);
    },
  });
}

async function post({ server }: Service, path: string, headers: Record<string, string>, body = "{}") {
  const reply = await server.inject({
    method: "POST",
    url: `/hooks/${path}`,
    headers: { "content-type": "application/json", "x-request-id": "the-same", ...headers },
    payload: body,
  });
  const { date: _date, ...stable } = reply.headers;
  return readAnswer(reply.statusCode, stable, reply.body);
}

const now = () => Math.floor(Date.now() / 1000);

/** How a request to a receiving trigger goes wrong. */
const wrong: readonly (readonly [string, (hook: Hook) => Record<string, string>])[] = [
  ["another secret", (hook) => sign(hook, "{}", { secret: `whsec_${Buffer.alloc(32, 1).toString("base64")}` })],
  ["another body", (hook) => sign(hook, "[]")],
  ["no headers", () => ({})],
  ["no signature", (hook) => ({ ...sign(hook, "{}"), "webhook-signature": "" })],
  ["301 s old", (hook) => sign(hook, "{}", { at: now() - 302 })],
  ["301 s ahead", (hook) => sign(hook, "{}", { at: now() + 303 })],
  ["a timestamp that is no number", (hook) => ({ ...sign(hook, "{}"), "webhook-timestamp": "soon" })],
  ["an unknown version", (hook) => ({ ...sign(hook, "{}"), "webhook-signature": "v9,AAAA" })],
];

test("all reasons give one answer, byte by byte, and write nothing", async ({ service, world, addHook, db }) => {
  const acme = await world.tenant();
  const published = await acme.workflow();
  const hook = await addHook(published);
  const disabled = await addHook(published, { enabled: false });
  const unpublished = await addHook(await acme.workflow({ published: false }));
  const otherScheme = await addHook(published, { signatureScheme: "GITHUB" });
  const noConfig = await addHook(published, { signatureScheme: "GENERIC_HMAC" });
  const noSecret = await addHook(published);
  await db.pool.query("update triggers set webhook_secret_cipher = '\\x00' where id = $1", [noSecret.id]);
  const good = sign(hook, "{}");

  const answers = new Map<string, string>();
  for (const [what, headersOf] of wrong) {
    const { status, headers, text } = await post(service, hook.path, headersOf(hook));
    answers.set(what, JSON.stringify([status, headers, text]));
  }
  const elsewhere = {
    "a disabled trigger": disabled.path,
    "an unpublished workflow": unpublished.path,
    "another scheme": otherScheme.path,
    "a configuration that does not fit its scheme": noConfig.path,
    "a secret that does not open": noSecret.path,
    "an unknown path": "A".repeat(22),
    "a path that is none": "x",
    "an empty path": "",
    "a path with dots": "..%2f..%2factions%2fcreateWebhookTrigger",
  };
  for (const [what, path] of Object.entries(elsewhere)) {
    const { status, headers, text } = await post(service, path, good);
    answers.set(what, JSON.stringify([status, headers, text]));
  }

  const different = [...answers].filter(([, answer]) => answer !== [...answers.values()][0]);
  expect(different).toEqual([]);
  expect([...answers.values()][0]).toContain("SIGNATURE_INVALID");
  const { rows } = await db.pool.query(
    "select (select count(*)::int from webhook_deliveries) as deliveries, (select count(*)::int from workflow_runs) as runs",
  );
  expect(rows).toEqual([{ deliveries: 0, runs: 0 }]);
});

test("299 s in either direction are within the tolerance, a trigger's own tolerance counts", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const hook = await addHook(workflow);
  const strict = await addHook(workflow, { toleranceSeconds: 30 });

  const statuses = [];
  for (const at of [now() - 299, now() + 299])
    statuses.push((await post(service, hook.path, sign(hook, "{}", { at }))).status);
  statuses.push((await post(service, strict.path, sign(strict, "{}", { at: now() - 40 }))).status);

  expect(statuses).toEqual([202, 202, 401]);
});

test("the owner sees how many requests were refused and why the last one was", async ({
  service,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [hook, quiet] = [await addHook(workflow), await addHook(workflow)];
  const rejections = async (id: string) =>
    (
      await db.pool.query("select rejected_count::int as n, last_rejection_reason as why from triggers where id = $1", [
        id,
      ])
    ).rows[0];

  for (const [, headersOf] of wrong) await post(service, hook.path, headersOf(hook));
  expect(await rejections(hook.id)).toEqual({ n: 0, why: null });
  await service.deps.rejections.flush();
  await service.deps.rejections.flush();

  expect(await rejections(hook.id)).toEqual({ n: wrong.length, why: "NO_SUPPORTED_SIGNATURE" });
  expect(await rejections(quiet.id)).toEqual({ n: 0, why: null });
});

test("refusals that could not be written are written later", async ({ service, world, addHook, db }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  await post(service, hook.path, {});
  await db.pool.query("alter table triggers rename column rejected_count to hidden");
  await expect(service.deps.rejections.flush()).rejects.toThrow();
  await db.pool.query("alter table triggers rename column hidden to rejected_count");

  await service.deps.rejections.flush();

  const { rows } = await db.pool.query("select rejected_count::int as n from triggers where id = $1", [hook.id]);
  expect(rows).toEqual([{ n: 1 }]);
});
