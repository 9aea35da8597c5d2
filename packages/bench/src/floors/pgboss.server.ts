// The peer pg-boss as it comes: one `send` per webhook, into its own tables.
import { PgBoss } from "pg-boss";
import { serveWebhooks } from "./standard-webhooks.ts";

const { DATABASE_URL = "" } = process.env;
const boss = new PgBoss({ connectionString: DATABASE_URL, max: 16 });
boss.on("error", (error) => process.stderr.write(`${error}\n`));
await boss.start();
await boss.createQueue("runs");

await serveWebhooks({
  store: ({ body }) => boss.send("runs", JSON.parse(body.toString("utf8"))),
  close: () => boss.stop(),
});
