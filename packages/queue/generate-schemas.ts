import { mkdirSync, writeFileSync } from "node:fs";
import { contractSchemas, renderJsonSchema, renderQueuesPage } from "./src/render-queues-page.ts";

const schemasDir = new URL("schemas/", import.meta.url);
mkdirSync(schemasDir, { recursive: true });
for (const [name, schema] of Object.entries(contractSchemas))
  writeFileSync(new URL(`${name}.schema.json`, schemasDir), renderJsonSchema(schema));
writeFileSync(new URL("../../docs/queues.md", import.meta.url), renderQueuesPage());
