// Regenerates everything and fails when a committed generated file differs from what its source says now.
import { execFileSync, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const generated = [
  ".env.example",
  "docs/environment.md",
  "docs/errors.md",
  "docs/queues.md",
  "hasura/generated",
  "packages/queue/schemas",
];

const status = () =>
  execFileSync("git", ["status", "--porcelain", "--", ...generated], { cwd: rootDir, encoding: "utf8" });

const before = status();
const made = spawnSync("node", [join(rootDir, "infra/ci/generate.mjs")], { cwd: rootDir, stdio: "inherit" });
if (made.status !== 0) process.exit(1);
const after = status();
if (after !== "") {
  console.error(`check:gen: generated files differ from what is committed; run \`npm run gen\` and commit:\n${after}`);
  if (before !== "") console.error("(they differed before the run too)");
  process.exit(1);
}
console.log("check:gen: generated files agree with their sources");
