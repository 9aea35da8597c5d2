// Fails when a relative link of a Markdown file, or an anchor in one, leads nowhere.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const files = execFileSync("git", ["ls-files", "*.md"], { cwd: rootDir, encoding: "utf8" }).split("\n").filter(Boolean);

/** GitHub's anchor of a heading. */
const anchorOf = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

function anchorsOf(file) {
  const text = readFileSync(file, "utf8").replace(/^```[\s\S]*?^```/gm, "");
  return new Set([...text.matchAll(/^#{1,6}\s+(.+)$/gm)].map((match) => anchorOf(match[1].replace(/`/g, ""))));
}

const problems = [];
for (const name of files) {
  const file = join(rootDir, name);
  if (!existsSync(file)) continue;
  const text = readFileSync(file, "utf8")
    .replace(/^```[\s\S]*?^```/gm, "")
    .replace(/`[^`\n]*`/g, "");
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
    const [path, anchor] = target.split("#");
    const goal = path === "" ? file : resolve(dirname(file), decodeURIComponent(path));
    if (!existsSync(goal)) problems.push(`${name}: ${target} does not exist`);
    else if (relative(rootDir, goal).startsWith("..")) problems.push(`${name}: ${target} leaves the repository`);
    else if (anchor && statSync(goal).isFile() && !anchorsOf(goal).has(anchor))
      problems.push(`${name}: ${target} has no such heading`);
  }
}
for (const problem of problems) console.error(`links: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`links: ${files.length} Markdown files agree`);
