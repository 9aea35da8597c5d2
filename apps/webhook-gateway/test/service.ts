import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { test as base, type TestWorkflow, type WebhookOptions } from "@control-plane/testkit";
import { z } from "zod";
import { loadConfig } from "../src/config.ts";
import { createDeps } from "../src/deps.ts";
import type { HookLimits } from "../src/routes/hooks.ts";
import { buildServer } from "../src/server.ts";

export const ACTION_SECRET = "the-secret-of-hasura-actions";
export const PUBLIC_URL = "https://hooks.test.example";

const LIMITS: HookLimits = { bodyBytesMax: 1_048_576, bodyMsMax: 10_000, perPath: 0, perAddress: 0 };

/** The service as `main.ts` builds it, with the test's own database and keyring; rate limits are off unless asked for. */
export const test = base
  .extend("start", async ({ db, keys }, { onCleanup }) => {
    const closing: (() => Promise<void>)[] = [];
    onCleanup(async () => {
      for (const close of closing) await close();
    });
    return async (options: StartOptions = {}) => {
      const config = loadConfig({
        PORT: "0",
        LOG_LEVEL: "silent",
        DATABASE_WAIT_MS_MAX: String(options.waitMsMax ?? 20_000),
        DATABASE_URL: options.databaseUrl ?? db.urlAs("cp_gateway"),
        KEYRING: keys.keyring,
        HASURA_ACTION_SECRET: ACTION_SECRET,
        HOOKS_PUBLIC_URL: PUBLIC_URL,
      });
      const { deps, close } = await createDeps(config);
      const server = await buildServer(deps, {
        actionSecrets: config.HASURA_ACTION_SECRET,
        trustedProxies: options.trustedProxies ?? [],
        hooks: { ...LIMITS, ...options.limits },
      });
      let closed = false;
      const stop = async () => {
        if (closed) return;
        closed = true;
        await server.close();
        await close();
      };
      closing.push(stop);
      return { server, deps, stop };
    };
  })
  .extend("service", async ({ start, actions }) => {
    const service = await start();
    actions.bind(service.server, ACTION_SECRET);
    return service;
  })
  .extend("addHook", async ({ keys }) => {
    return async (workflow: TestWorkflow, options: WebhookOptions & { secret?: string } = {}): Promise<Hook> => {
      const { secret = `whsec_${randomBytes(32).toString("base64")}`, ...columns } = options;
      const id = randomUUID();
      const place = { tenantId: workflow.tenantId, table: "triggers", rowId: id, column: "webhook_secret_cipher" };
      const row = await workflow.webhook({
        id,
        signatureScheme: "STANDARD_WEBHOOKS",
        webhookSecretCipher: await keys.seal(place, secret),
        ...columns,
      });
      return { id, path: row.webhookPath, secret, tenantId: workflow.tenantId };
    };
  });

export type StartOptions = {
  limits?: Partial<HookLimits>;
  databaseUrl?: string;
  trustedProxies?: string[];
  waitMsMax?: number;
};
export type Service = { server: Awaited<ReturnType<typeof buildServer>> };
export type Hook = { id: string; path: string; secret: string; tenantId: string };

export type SignOptions = { id?: string; at?: number; secret?: string };

/** Headers as a sender of Standard Webhooks makes them. */
export function sign(hook: Pick<Hook, "secret">, body: string | Buffer, options: SignOptions = {}) {
  const { id = `msg_${randomUUID()}`, at = Math.floor(Date.now() / 1000), secret = hook.secret } = options;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${signature}` };
}

const answerSchema = z.union([
  z.strictObject({ status: z.enum(["ACCEPTED", "DUPLICATE"]), deliveryId: z.uuid(), runId: z.uuid() }),
  z.strictObject({
    message: z.string(),
    extensions: z.looseObject({ code: z.string(), requestId: z.string() }),
  }),
]);

/** One answer of the gateway: `text` in full, and either the ids or the code of the refusal. */
export function readAnswer(status: number, headers: Record<string, unknown>, text: string) {
  const body = answerSchema.parse(JSON.parse(text));
  return "status" in body
    ? { status, headers, text, said: body.status, deliveryId: body.deliveryId, runId: body.runId, code: undefined }
    : { status, headers, text, said: undefined, deliveryId: undefined, runId: undefined, code: body.extensions.code };
}

export type SendOptions = SignOptions & { headers?: Record<string, string>; remoteAddress?: string };

/** Sends a signed delivery; `headers` are laid over the signed ones, an empty value takes a header away. */
export async function send({ server }: Service, hook: Hook, body: string | Buffer, options: SendOptions = {}) {
  const headers = { "content-type": "application/json", ...sign(hook, body, options), ...options.headers };
  const reply = await server.inject({
    method: "POST",
    url: `/hooks/${hook.path}`,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== "")),
    payload: body,
    ...(options.remoteAddress === undefined ? {} : { remoteAddress: options.remoteAddress }),
  });
  return readAnswer(reply.statusCode, reply.headers, reply.body);
}
