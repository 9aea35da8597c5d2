import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureVirtualEnvironment, findPython } from "@control-plane/local-stores";
import { type Conformance, type RunnerCommand, readScenarios, startConformance } from "@control-plane/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const rootDir = fileURLToPath(new URL("../../..", import.meta.url));
const python = await findPython({ log: () => {} });
const scenarios = await readScenarios();

type Command = Pick<RunnerCommand, "command" | "args" | "env">;

async function pythonRunner(): Promise<Command> {
  if (python === undefined) throw new Error("there is no Python");
  const runnerDir = join(rootDir, "apps/runner-python");
  const lockFile = join(runnerDir, "requirements.lock");
  const environment = await ensureVirtualEnvironment({ name: "runner", python, lockFile, log: () => {} });
  return {
    command: environment.python,
    args: ["-m", "runner"],
    env: { ...process.env, PYTHONPATH: join(runnerDir, "src"), PYTHONDONTWRITEBYTECODE: "1" },
  };
}

async function typescriptRunner(): Promise<Command> {
  const main = join(rootDir, "packages/local-stack/src/typescript-runner.ts");
  return { command: process.execPath, args: ["--conditions=@control-plane/source", main], env: process.env };
}

/** No runner. */
async function endingProgram(): Promise<Command> {
  return { command: process.execPath, args: ["--eval", "process.exit(3)"], env: process.env };
}

/** The suite around one runner, started before the tests of the block that calls it and stopped after them. */
function aroundRunner(runner: () => Promise<Command>): { play: Conformance["play"] } {
  let logDir = "";
  let conformance: Conformance | undefined;
  beforeAll(async () => {
    logDir = await mkdtemp(join(tmpdir(), "runner-conformance-"));
    const stores = { redisUrl: process.env["REDIS_URL"] ?? "", mongodbUrl: undefined };
    const logFile = join(logDir, "runner.log");
    conformance = await startConformance({ ...(await runner()), cwd: rootDir, logFile }, stores);
  });
  afterAll(async () => {
    await conformance?.stop();
    await rm(logDir, { recursive: true, force: true });
  });
  return {
    async play(scenario) {
      if (conformance === undefined) throw new Error("the runner was not started");
      return conformance.play(scenario);
    },
  };
}

describe.skipIf(python === undefined)("the Python runner", () => {
  const runner = aroundRunner(pythonRunner);

  test.each(scenarios)("keeps the contract: $name", async ({ scenario }) => {
    expect(await runner.play(scenario)).toEqual([]);
  });
});

describe("the TypeScript runner", () => {
  const runner = aroundRunner(typescriptRunner);

  test.each(scenarios)("keeps the contract: $name", async ({ scenario }) => {
    expect(await runner.play(scenario)).toEqual([]);
  });
});

describe("a program that ends at once", () => {
  const runner = aroundRunner(endingProgram);

  test.each(scenarios.filter(({ name }) => name === "echo-values"))("fails $name", async ({ scenario }) => {
    expect(await runner.play(scenario)).toContain("the runner's process has ended");
  });
});
