// The test task of this package: runs the Python tests in the runner's virtual environment, with the stores that the
// environment names (missing ones are started). The tests write test-report.json, counted as vitest counts.
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureVirtualEnvironment, findPython, PYTHON_REMEDY, startTemporaryStores } from "@control-plane/local-stores";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const report = join(packageDir, "test-report.json");
const log = (line) => console.log(line);

/** One skipped test stands for all of them: without Python nobody can count them. */
function writeSkipped(reason) {
  const title = `runner-python: ${reason}`;
  const outcome = { title, fullName: title, status: "pending", failureMessages: [reason] };
  const counts = { numTotalTests: 1, numPassedTests: 0, numFailedTests: 0, numPendingTests: 1 };
  writeFileSync(
    report,
    JSON.stringify({ success: true, ...counts, testResults: [{ name: packageDir, assertionResults: [outcome] }] }),
  );
}

function runTests(python, env) {
  return new Promise((resolve, reject) => {
    const args = ["-W", "error::SyntaxWarning", "-m", "tests", report, ...process.argv.slice(2)];
    const child = spawn(python, args, { cwd: packageDir, env, stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function main() {
  rmSync(report, { force: true });
  const python = await findPython({ log });
  if (python === undefined) {
    console.warn(`skipped: no Python >= 3.10 was found; remedy: ${PYTHON_REMEDY}`);
    writeSkipped("no Python >= 3.10 was found");
    return process.env.REQUIRE_ALL === "1" ? 1 : 0;
  }
  const environment = await ensureVirtualEnvironment({
    name: "runner",
    python,
    lockFile: join(packageDir, "requirements.lock"),
    log,
  });
  const stores = await startTemporaryStores(log);
  for (const { message } of stores.missing) console.warn(`not on this machine: ${message}`);
  try {
    return await runTests(environment.python, {
      ...process.env,
      ...stores.env,
      PYTHONPATH: join(packageDir, "src"),
      PYTHONDONTWRITEBYTECODE: "1",
    });
  } finally {
    await stores.stop();
  }
}

process.exitCode = await main();
