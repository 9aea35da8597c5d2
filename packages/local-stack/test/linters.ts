import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { ensureVirtualEnvironment, findPython } from "@control-plane/local-stores";
import { repository } from "./read-metadata.ts";

export type Linters = {
  pathOf(program: string): string;
  /** What a program says; an exit code that is not 0 throws, with its output. */
  run(program: string, args: readonly string[], input?: string): string;
};

/** The programs of infra/ci/python/lint.lock, which are installed the first time. */
export async function installLinters(): Promise<Linters> {
  const python = await findPython({ log: console.log });
  if (python === undefined) throw new Error("there is no Python for the linters");
  const lockFile = join(repository, "infra/ci/python/lint.lock");
  const { dir } = await ensureVirtualEnvironment({ name: "lint", python, lockFile, log: console.log });
  const pathOf = (program: string): string => join(dir, "bin", program);
  return {
    pathOf,
    run(program, args, input) {
      try {
        return execFileSync(pathOf(program), args, { encoding: "utf8", cwd: repository, input, maxBuffer: 64 << 20 });
      } catch (error) {
        const { stdout = "", stderr = "" } = error instanceof Error && "stdout" in error ? Object(error) : {};
        throw new Error(`${program} refuses:\n${stdout}${stderr}`, { cause: error });
      }
    },
  };
}
