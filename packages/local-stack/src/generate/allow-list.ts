import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { hasuraDir } from "../check-metadata.ts";
import { demoCollection } from "../demo-collection.ts";

// hasura/allow-list: metadata that lets a Hasura answer the demo's documents and no others, for whoever wants that.

const directory = join(hasuraDir, "allow-list");
const head = "# Generated from the documents of the demo by `npm run gen`; hasura/README.md says how it is used.\n";
const { name } = demoCollection;
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "query_collections.yaml"), head + stringify([demoCollection], { lineWidth: 0 }));
writeFileSync(join(directory, "allow_list.yaml"), head + stringify([{ collection: name, scope: { global: true } }]));
