// Regenerates everything and fails when a generated file differs from what its source says now. Contents are compared
// from before to after, because some files are generated in part and may hold changes that are not committed yet.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const generated = [
  ".env.example",
  "docs/environment.md",
  "docs/errors.md",
  "docs/queues.md",
  "docs/reference/permission-matrix.md",
  "hasura/allow-list",
  "hasura/generated",
  "hasura/metadata/databases/default/tables",
  "packages/queue/schemas",
];

/** Every generated file by name with its text, those that git does not know yet included. */
function contents() {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...generated];
  const names = execFileSync("git", list, { cwd: rootDir, encoding: "utf8" }).split("\0").filter(Boolean);
  const present = names.filter((name) => existsSync(join(rootDir, name)));
  return new Map(present.map((name) => [name, readFileSync(join(rootDir, name), "utf8")]));
}

const before = contents();
const made = spawnSync("node", [join(rootDir, "infra/ci/generate.mjs")], { cwd: rootDir, stdio: "inherit" });
if (made.status !== 0) process.exit(1);
const after = contents();
const different = [...new Set([...before.keys(), ...after.keys()])].filter(
  (name) => before.get(name) !== after.get(name),
);
if (different.length > 0) {
  console.error(`check:gen: these were not as their sources say; they are now, commit them:\n${different.join("\n")}`);
  process.exit(1);
}
console.log("check:gen: generated files agree with their sources");
