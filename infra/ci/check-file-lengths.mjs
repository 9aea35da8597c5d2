// Fails on a source or test file of more than 400 lines: it holds more than one thing.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LINES_MAX = 400;
const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const files = execFileSync("git", ["ls-files", "-z", "*.ts", "*.mjs", "*.py"], { cwd: rootDir, encoding: "utf8" })
  .split("\0")
  .filter((name) => name !== "" && existsSync(join(rootDir, name)));
const linesOf = (name) => readFileSync(join(rootDir, name), "utf8").split("\n").length - 1;
const long = files.map((name) => ({ name, lines: linesOf(name) })).filter(({ lines }) => lines > LINES_MAX);
for (const { name, lines } of long) console.error(`lengths: ${name} has ${lines} lines, more than ${LINES_MAX}`);
if (long.length > 0) process.exit(1);
console.log(`lengths: none of ${files.length} files is over ${LINES_MAX} lines`);
