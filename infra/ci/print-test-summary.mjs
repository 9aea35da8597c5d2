// The last step of `npm run check`: repeats the tests' sum, so that it is the last line of the whole check.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const summaryFile = join(rootDir, ".local", "test-summary.json");

if (existsSync(summaryFile)) {
  const { passed, failed, skipped, ok } = JSON.parse(readFileSync(summaryFile, "utf8"));
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = ok ? 0 : 1;
} else {
  console.error("no summary of the tests: infra/ci/run-tests.mjs did not run");
  process.exitCode = 1;
}
