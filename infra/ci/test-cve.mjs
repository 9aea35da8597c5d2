// `npm run test:cve`: runs the tests whose titles bear the id of a defect that another product had, and says for each row
// of docs/security.md which of them are green. A row that none is green for fails, and so does a pending one that has a test.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findTaggedFiles, readDefects, rootDir, TAG } from "./cve-list.mjs";

const LISTED_MAX = 3;

/** The tests with an id of some files of a package, as its vitest reports them. */
function runTagged(folder, files) {
  const report = join(rootDir, folder, "test-report.json");
  rmSync(report, { force: true });
  const names = files.map(({ file }) => file.slice(folder.length + 1));
  console.log(`\n${folder}: ${names.join(" ")}`);
  const command = ["--filter", `./${folder}`, "exec", "vitest", "run", ...names, "-t", "\\[(CVE|GHSA)-"];
  const { status } = spawnSync("pnpm", command, { cwd: rootDir, stdio: "inherit" });
  const suites = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")).testResults : [];
  const tests = suites.flatMap(({ assertionResults }) => assertionResults);
  return { folder, failed: status !== 0, tests: tests.map((test) => ({ ...test, folder })) };
}

function idsOf({ fullName }) {
  return [...fullName.matchAll(TAG)].map(([, id]) => id);
}

function say({ id, product, defect, pending }, green) {
  const verdict = pending ? "pending" : `${green.length} green`;
  console.log(`${id} (${product}: ${defect}): ${verdict}`);
  for (const { folder, fullName } of green.slice(0, LISTED_MAX))
    console.log(`  ${folder}: ${fullName.replaceAll(TAG, "").trim().replaceAll(/ {2,}/g, " ")}`);
  if (green.length > LISTED_MAX) console.log(`  and ${green.length - LISTED_MAX} more`);
}

const byFolder = Map.groupBy(findTaggedFiles(), ({ folder }) => folder);
const runs = [...byFolder].map(([folder, files]) => runTagged(folder, files));
const passed = runs.flatMap(({ tests }) => tests).filter(({ status }) => status === "passed");
const problems = runs.filter(({ failed }) => failed).map(({ folder }) => `${folder}: a test is red`);
console.log("");
for (const defect of readDefects()) {
  const green = passed.filter((test) => idsOf(test).includes(defect.id));
  say(defect, green);
  if (!defect.pending && green.length === 0) problems.push(`${defect.id}: no green test`);
  if (defect.pending && green.length > 0) problems.push(`${defect.id}: has a green test, so it is pending no more`);
}
console.log("");
for (const problem of problems) console.error(`test:cve: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log("test:cve: every defect is kept out by a green test");
