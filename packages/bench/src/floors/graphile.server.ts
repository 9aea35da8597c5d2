// The peer graphile-worker as it comes: one `addJob` per webhook, into its own tables.
import { makeWorkerUtils } from "graphile-worker";
import { serveWebhooks } from "./standard-webhooks.ts";

const { DATABASE_URL = "" } = process.env;
const utils = await makeWorkerUtils({ connectionString: DATABASE_URL, maxPoolSize: 16 });
await utils.migrate();

await serveWebhooks({
  store: ({ body }) => utils.addJob("run", JSON.parse(body.toString("utf8"))),
  close: async () => utils.release(),
});
