// Runs every generator. They stand in local-stack, which may read every package. `check-generated.mjs` runs the same list
// and fails when the tree differs afterwards.
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const generators = [
  { makes: "packages/queue/schemas, docs/queues.md", script: "packages/local-stack/src/generate/queue-contracts.ts" },
  {
    makes: ".env.example, docs/environment.md, docs/errors.md",
    script: "packages/local-stack/src/generate/reference.ts",
  },
  {
    makes: "the permissions in hasura/metadata/databases/default/tables",
    script: "packages/local-stack/src/generate/table-permissions.ts",
  },
  {
    makes: "docs/reference/permission-matrix.md",
    script: "packages/local-stack/src/generate/permission-matrix.ts",
  },
  { makes: "hasura/allow-list", script: "packages/local-stack/src/generate/allow-list.ts" },
  { makes: "hasura/generated", script: "packages/local-stack/src/generate/role-schemas.ts" },
];

for (const { makes, script } of generators) {
  const result = spawnSync("node", ["--conditions=@control-plane/source", script], { cwd: rootDir, stdio: "inherit" });
  if (result.status !== 0) {
    console.error(`gen: ${script} failed`);
    process.exit(1);
  }
  console.log(`gen: ${makes}`);
}
