// `npm test`: typecheck and all tests, with stores that their packages share. The last line is the sum of the packages'
// reports, `N passed, N failed, N skipped`. With REQUIRE_ALL=1 a skipped test is a failure, unless its name
// says `absent: <what of the machine or of Hasura's own test data>`. Where at most two files fail their packages are run
// once more, since turbo remembers what passed: a test that fails twice is red, one that fails once is named as unsteady.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const summaryFile = join(rootDir, ".local", "test-summary.json");
const LISTED_MAX = 200;
/** More test files than so many are broken, not unsteady. */
const UNSTEADY_FILES_MAX = 2;

const withStores = [process.execPath, "--conditions=@control-plane/source", "packages/local-stores/src/cli.ts", "--"];
const turbo = (...tasks) => ["pnpm", "exec", "turbo", "run", ...tasks, "--continue", "--log-order=grouped"];
/**
 * They wait more than they work, for processes that start, die and come back, and need the longest of all. Turbo begins
 * them last, when nobody is left to use the time in which they wait; so they go beside all others from the beginning.
 */
const WAITING = ["@control-plane/e2e", "@control-plane/faults"];

function reportFiles() {
  const folders = ["apps", "packages"].flatMap((parent) =>
    readdirSync(join(rootDir, parent)).map((name) => join(parent, name)),
  );
  return folders.map((folder) => ({ folder, file: join(rootDir, folder, "test-report.json") }));
}

let stopped = false;

/**
 * Signals are passed on; with-stores ends its stores whatever happens to this process.
 * @param held true: what it says comes when it is over, in one piece, and not between the lines of others
 */
function run([command, ...args], { held } = { held: false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: rootDir, stdio: held ? ["ignore", "pipe", "pipe"] : "inherit" });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => said.push(bytes));
    const stop = (signal) => {
      stopped = true;
      // The terminal's own Ctrl-C reaches the child without us.
      if (signal !== "SIGINT") child.kill(signal);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
    child.once("error", (error) => {
      console.error(`cannot run ${command}: ${error.message}`);
      resolve(1);
    });
    child.once("close", (code) => {
      process.stdout.write(Buffer.concat(said));
      resolve(code ?? 1);
    });
  });
}

/** Typecheck and tests; with arguments, which choose packages, all in one run of turbo. */
async function runTasks(args) {
  if (args.length > 0) return run([...withStores, ...turbo("typecheck", "test"), "--concurrency=2", ...args]);
  // With stores too: what they need of a new machine is there before two start them at the same time.
  const typecheck = await run([...withStores, ...turbo("typecheck"), "--concurrency=2"]);
  if (stopped) return typecheck;
  const waiting = WAITING.map((name) => `--filter=${name}`);
  const others = WAITING.map((name) => `--filter=!${name}`);
  const tests = await Promise.all([
    run([...withStores, ...turbo("test"), "--concurrency=1", ...waiting], { held: true }),
    run([...withStores, ...turbo("test"), "--concurrency=2", ...others]),
  ]);
  return [typecheck, ...tests].find((code) => code !== 0) ?? 0;
}

/** Of vitest's JSON reports and of those written in the same form. */
function readReport({ folder, file }) {
  const report = JSON.parse(readFileSync(file, "utf8"));
  const tests = (report.testResults ?? []).flatMap((suite) => suite.assertionResults ?? []);
  const named = (wanted) =>
    tests
      .filter(({ status }) => wanted.includes(status))
      .map((test) => ({ folder, name: test.fullName ?? test.title }));
  return {
    folder,
    passed: report.numPassedTests ?? 0,
    failed: report.numFailedTests ?? 0,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
    // A file that cannot be loaded fails without holding a test.
    brokenFiles: (report.testResults ?? []).filter(
      ({ status, assertionResults }) => status === "failed" && (assertionResults ?? []).length === 0,
    ).length,
    failedFiles: (report.testResults ?? []).filter(({ status }) => status === "failed").length,
    failedTests: named(["failed"]),
    skippedTests: named(["pending", "skipped", "todo"]),
  };
}

function readReports() {
  return reportFiles()
    .filter(({ file }) => existsSync(file))
    .map(readReport);
}

function list(title, tests) {
  if (tests.length === 0) return;
  console.log(`\n${title}:`);
  for (const { folder, name } of tests.slice(0, LISTED_MAX)) console.log(`  ${folder}: ${name}`);
  if (tests.length > LISTED_MAX) console.log(`  and ${tests.length - LISTED_MAX} more`);
}

function sum(reports, member) {
  return reports.reduce((total, report) => total + report[member], 0);
}

async function main() {
  for (const { file } of reportFiles()) rmSync(file, { force: true });
  rmSync(summaryFile, { force: true });
  const args = process.argv.slice(2);
  let code = await runTasks(args);
  let reports = readReports();
  const failedAtFirst = reports.flatMap(({ failedTests }) => failedTests);
  if (code !== 0 && !stopped && sum(reports, "failedFiles") <= UNSTEADY_FILES_MAX) {
    list("failed, and run once more", failedAtFirst);
    code = await runTasks(args);
    reports = readReports();
  }

  const totals = {
    passed: sum(reports, "passed"),
    failed: sum(reports, "failed") + sum(reports, "brokenFiles"),
    skipped: sum(reports, "skipped"),
  };
  const skipped = reports.flatMap(({ skippedTests }) => skippedTests);
  const unexcused = process.env.REQUIRE_ALL === "1" ? skipped.filter(({ name }) => !/absent: \S/.test(name)) : [];
  console.log("");
  for (const { folder, passed, failed, skipped } of reports)
    console.log(`${folder}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  list(
    "failed",
    reports.flatMap(({ failedTests }) => failedTests),
  );
  const stillFailing = new Set(
    reports.flatMap(({ failedTests }) => failedTests).map(({ folder, name }) => folder + name),
  );
  list(
    "unsteady: failed at first, passed when run once more",
    failedAtFirst.filter(({ folder, name }) => !stillFailing.has(folder + name)),
  );
  list("skipped", skipped);
  list("skipped, which REQUIRE_ALL=1 does not allow", unexcused);
  if (reports.length === 0) console.log("no test report was written");

  const ok = code === 0 && totals.failed === 0 && unexcused.length === 0 && reports.length > 0;
  mkdirSync(dirname(summaryFile), { recursive: true });
  writeFileSync(summaryFile, `${JSON.stringify({ ...totals, ok })}\n`);
  if (code !== 0) console.log(`typecheck or tests ended with exit code ${code}`);
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  process.exitCode = ok ? 0 : code === 0 ? 1 : code;
}

await main();
