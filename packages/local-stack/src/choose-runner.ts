import { join } from "node:path";
import { ensureVirtualEnvironment, findPython, PYTHON_REMEDY } from "@control-plane/local-stores";
import { rootDir } from "./clone.ts";
import { runnerEnv, type SpecInput } from "./process-specs.ts";
import type { ServiceSpec } from "./service-process.ts";

export type RunnerChoice = { spec: ServiceSpec; note: string };

/**
 * The Python runner in a virtual environment of its own; where there is no Python, the small TypeScript runner that the
 * tests use too, and the note says so.
 */
export async function chooseRunner(
  input: SpecInput,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<RunnerChoice> {
  const python = await findPython({ log });
  const shared = { name: "runner", cwd: rootDir, logFile: join(input.logDir, "runner.log"), readyUrl: undefined };
  if (python === undefined) {
    const main = join(rootDir, "packages/local-stack/src/typescript-runner.ts");
    return {
      note: `no Python >= 3.10 found, so a small TypeScript runner executes the runs; to use the reference runner: ${PYTHON_REMEDY}`,
      spec: {
        ...shared,
        command: process.execPath,
        args: ["--conditions=@control-plane/source", main],
        env: runnerEnv(input),
      },
    };
  }
  const runnerDir = join(rootDir, "apps/runner-python");
  const environment = await ensureVirtualEnvironment({
    name: "runner",
    python,
    lockFile: join(runnerDir, "requirements.lock"),
    log,
    signal,
  });
  return {
    note: `runner-python on Python ${python.version}`,
    spec: {
      ...shared,
      command: environment.python,
      args: ["-m", "runner"],
      env: { ...runnerEnv(input), PYTHONPATH: join(runnerDir, "src"), PYTHONUNBUFFERED: "1" },
    },
  };
}
