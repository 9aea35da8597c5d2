// Fails when something points to a document that is not there: a relative link of a Markdown file or its anchor, or the name
// of a Markdown file anywhere in code, SQL, YAML and comments. Citations by section are refused too, since sections move: the
// sentence says the rule itself, or names a page of docs/reference.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: rootDir, encoding: "utf8" })
  .split("\0")
  .filter((name) => name !== "" && existsSync(join(rootDir, name)));
const pages = tracked.filter((name) => name.endsWith(".md"));

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

function brokenLinks(name) {
  const file = join(rootDir, name);
  const text = readFileSync(file, "utf8")
    .replace(/^```[\s\S]*?^```/gm, "")
    .replace(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [path, anchor] = target.split("#");
    const goal = path === "" ? file : resolve(dirname(file), decodeURIComponent(path));
    if (!existsSync(goal)) return [`${name}: ${target} does not exist`];
    if (relative(rootDir, goal).startsWith("..")) return [`${name}: ${target} leaves the repository`];
    const lost = anchor && statSync(goal).isFile() && !anchorsOf(goal).has(anchor);
    return lost ? [`${name}: ${target} has no such heading`] : [];
  });
}

const WITH_MENTIONS =
  /\.(ts|mjs|js|py|sql|ya?ml|graphql|toml|jsonc?|sh|md)$|Dockerfile$|Caddyfile$|^\.ci\/|^\.env\.example$/;
/** Written by programs that know nothing of this repository, or about other people's projects. */
const WITHOUT_MENTIONS = /(^|\/)(pnpm-lock\.yaml|package-lock\.json)$|\/migrations\/meta\//;

/** From the root, from the file's own folder, or by the end of exactly one page's path. */
function isThere(mention, name) {
  const path = mention.replace(/^\.\//, "");
  if (existsSync(join(rootDir, path)) || existsSync(join(rootDir, dirname(name), path))) return true;
  return pages.filter((page) => page.endsWith(`/${path}`)).length === 1;
}

function brokenMentions(name) {
  const lines = readFileSync(join(rootDir, name), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const text = line.replace(/\bhttps?:\/\/\S+/g, "");
    const place = `${name}:${index + 1}`;
    const lost = [...text.matchAll(/[\w@./-]*\w\.md\b/g)]
      .map(([mention]) => mention)
      .filter((mention) => !isThere(mention, name))
      .map((mention) => `${place}: ${mention} is not in this repository`);
    const elsewhere = /\.\.\/shared\/(?!hasura-conformance\b)/.test(text)
      ? [`${place}: names a folder beside the repository`]
      : [];
    // Standards number their sections for good.
    const bySection =
      /§\s*\d|\bsections? \d/i.test(text) && !/\bRFC \d|\bhttps?:/.test(line)
        ? [`${place}: cites a section by number`]
        : [];
    return [...lost, ...elsewhere, ...bySection];
  });
}

const own = relative(rootDir, fileURLToPath(import.meta.url));
const readable = tracked.filter((name) => WITH_MENTIONS.test(name) && !WITHOUT_MENTIONS.test(name) && name !== own);
const problems = [...pages.flatMap(brokenLinks), ...readable.flatMap(brokenMentions)];
for (const problem of problems) console.error(`links: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`links: ${pages.length} Markdown files agree, and what ${readable.length} files say of them`);
