// Fails on code of services and runner that runs texts as code, starts commands, or compares secrets other than by the one
// function whose time tells nothing.
import { globSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { findForbidden, GUARDED } from "./source-rules.mjs";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const files = globSync(GUARDED, { cwd: rootDir })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => !file.endsWith(".test.ts"));
const problems = files.flatMap((file) => findForbidden(file, readFileSync(join(rootDir, file), "utf8")));
for (const problem of problems) console.error(`source: ${problem}`);
if (problems.length > 0 || files.length === 0) process.exit(1);
console.log(`source: none of ${files.length} files runs texts as code, starts commands or compares secrets by itself`);
