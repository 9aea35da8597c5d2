import { createHmac, timingSafeEqual } from "node:crypto";
import fastify, { type FastifyInstance } from "fastify";

const { HOOK_SECRET = "", PORT } = process.env;
const key = Buffer.from(HOOK_SECRET.replace("whsec_", ""), "base64");
const TOLERANCE_SECONDS = 900;

export type Webhook = { id: string; path: string; body: Buffer };

/** What all floors of the write path share: Fastify, the raw body, one Standard Webhooks verification, and 202 after `store`. */
export async function serveWebhooks(options: {
  store: (webhook: Webhook) => Promise<unknown>;
  close: () => Promise<unknown>;
}): Promise<void> {
  const server: FastifyInstance = fastify();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.post<{ Params: { path: string }; Body: Buffer }>("/hooks/:path", async (request, reply) => {
    const id = String(request.headers["webhook-id"]);
    const timestamp = String(request.headers["webhook-timestamp"]);
    const signature = String(request.headers["webhook-signature"]);
    if (!isSigned(id, timestamp, signature, request.body)) return reply.status(401).send({ status: "REFUSED" });
    await options.store({ id, path: request.params.path, body: request.body });
    return reply.status(202).send({ status: "ACCEPTED" });
  });
  server.get("/ready", async () => ({ ok: true }));
  process.on("SIGTERM", () => void server.close().then(options.close));
  await server.listen({ host: "127.0.0.1", port: Number(PORT) });
}

function isSigned(id: string, timestamp: string, signature: string, body: Buffer): boolean {
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  const given = Buffer.from(signature.replace("v1,", ""), "base64");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
