import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contractSchemas, renderJsonSchema, renderQueuesPage } from "@control-plane/queue";
import { rootDir } from "../clone.ts";

// The JSON Schemas of queue jobs and runner API that runners in other languages read, and the page that lists them.
const schemasDir = join(rootDir, "packages/queue/schemas");
mkdirSync(schemasDir, { recursive: true });
for (const [name, schema] of Object.entries(contractSchemas))
  writeFileSync(join(schemasDir, `${name}.schema.json`), renderJsonSchema(schema));
writeFileSync(join(rootDir, "docs/queues.md"), renderQueuesPage());
