import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("a process that stops what it kept running comes to its end, with nothing else to hold it open", async () => {
  const file = join(import.meta.dirname, "../src/keep-running.ts");
  const source = `const { keepRunning } = await import(${JSON.stringify(file)});
    const first = { hasExited: () => false, stop: async () => {} };
    const kept = keepRunning({ name: "x", first, start: async () => first, log: () => {}, logFile: "" });
    await kept.stop();
    console.log("stopped");`;

  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", source]);

  expect(stdout).toBe("stopped\n");
});
