// The floor of all floors: Fastify and the verification of the signature; nothing is stored.
import { serveWebhooks } from "./standard-webhooks.ts";

await serveWebhooks({ store: async () => undefined, close: async () => undefined });
