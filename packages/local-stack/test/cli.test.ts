import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { defaultStateDir } from "../src/clone.ts";
import { lockStack, type StackLock, StackRunningError } from "../src/stack-lock.ts";

const cli = join(dirname(dirname(fileURLToPath(import.meta.url))), "src/cli.ts");

async function runCli(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", cli, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => chunks.push(text));
  await once(child, "close");
  return { code: child.exitCode, output: chunks.join("") };
}

const WRONG = [
  [["start", "--bogus"]],
  [["start", "twice"]],
  [["stack", "--once"]],
  [["reset", "--fresh"]],
  [["constructor"]],
  [["nonsense"]],
  [[]],
];

test.each(WRONG)("arguments %j end with the usage and 1", async (args) => {
  const { code, output } = await runCli(args);

  expect({ code, usage: output.includes("usage: cli.ts start [--once]") }).toEqual({ code: 1, usage: true });
  expect(output).not.toContain("    at ");
});

test("a start with a server that is down names the variable, hides its password and ends with 1", async () => {
  const { code, output } = await runCli(["start", "--once"], {
    DATABASE_URL: "postgres://ada:hidden-word@127.0.0.1:1/x",
  });

  expect(code).toBe(1);
  expect(output).toContain("could not start: DATABASE_URL: nothing answers at 127.0.0.1:1 (ECONNREFUSED)");
  expect(output).not.toContain("hidden-word");
});

test("while a stack of this clone runs, a second start, a fresh one and a reset are refused by name", async () => {
  const lock = holdClone();

  const replies = await Promise.all([["start"], ["stack", "--fresh"], ["reset"]].map((args) => runCli(args)));

  lock?.release();
  for (const { code, output } of replies) {
    expect(code).toBe(1);
    expect(output).toMatch(/^a stack of this folder runs: process \d+ in .+, since .+ ago\)\n/);
  }
});

test("the doctor finds nothing wrong with this machine, and says what it looked at", async () => {
  const { code, output } = await runCli(["doctor"], { DATABASE_URL: "", REDIS_URL: "", MONGODB_URL: "" });

  expect(output).toContain("nothing is wrong");
  for (const area of ["versions", "settings", "stack", "disk"]) expect(output.split("\n")).toContain(area);
  expect(code).toBe(0);
});

test("the doctor names a setting that no start could work with, and ends with 1", async () => {
  const given = { DATABASE_URL: "postgres://ada:hidden-word@127.0.0.1:1/x", STORES: "dockr" };

  const { code, output } = await runCli(["doctor"], given);

  expect(code).toBe(1);
  expect(output).toContain("DATABASE_URL: nothing answers at 127.0.0.1:1 (ECONNREFUSED); start that server");
  expect(output).toContain('STORES: must be "docker" or unset, not "dockr"');
  expect(output).not.toContain("hidden-word");
});

/** Undefined where a stack of this clone runs anyway. */
function holdClone(): StackLock | undefined {
  try {
    return lockStack(defaultStateDir);
  } catch (error) {
    if (error instanceof StackRunningError) return undefined;
    throw error;
  }
}
