import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { isAlive } from "./predecessor.ts";
import { aptInstall, outputOf } from "./program.ts";
import { stateDir } from "./workspace.ts";

const run = promisify(execFile);

export type Python = { command: string; version: string; minor: number };
export type VirtualEnvironment = { dir: string; python: string };

const MINOR_MIN = 10;

/** Prints the version and the real program behind a name: a version manager's shim exists for versions that are not switched on. */
const QUESTION = "import sys, venv, ensurepip; print('%d.%d.%d %s' % (*sys.version_info[:3], sys.executable))";

async function ask(command: string): Promise<Python | undefined> {
  const match = /^(3\.(\d+)\.\d+) (.+)$/m.exec((await outputOf(command, ["-c", QUESTION])) ?? "");
  if (match?.[1] === undefined || match[3] === undefined) return undefined;
  return { command: match[3], version: match[1], minor: Number(match[2]) };
}

/** Newest first, as far as packages commonly have wheels. */
const MINORS = [13, 12, 11, 10];

async function search(minors: readonly number[], minorMax: number): Promise<Python | undefined> {
  const names = [...minors.map((minor) => `python3.${minor}`), "python3"];
  const wanted = process.env.PYTHON;
  for (const name of wanted === undefined || wanted === "" ? names : [wanted, ...names]) {
    const found = await ask(name);
    if (found !== undefined && found.minor >= MINOR_MIN && found.minor <= minorMax) return found;
  }
  return undefined;
}

export const PYTHON_REMEDY =
  "install Python 3.10 to 3.13 with its venv module (Debian: apt-get install python3 python3-venv; macOS: brew install python@3.13), or name one in the variable PYTHON";

/**
 * A Python >= 3.10 that can make virtual environments; on Debian as root it is installed when absent.
 * @param options.minors which 3.x to try, in this order, before any `python3`
 * @param options.minorMax the newest 3.x that the wanted packages have wheels for
 */
export async function findPython(options: {
  minors?: readonly number[];
  minorMax?: number;
  /** False: only looks. */
  install?: boolean;
  log: (line: string) => void;
}): Promise<Python | undefined> {
  const { minors = MINORS, minorMax = Number.POSITIVE_INFINITY } = options;
  const found = await search(minors, minorMax);
  if (found !== undefined || options.install === false) return found;
  return (await aptInstall(["python3", "python3-venv"], options.log)) ? await search(minors, minorMax) : undefined;
}

/**
 * The virtual environment that holds exactly what a lock file with hashes lists; made on first use, then reused.
 * It is made under a name of its own and published by renaming a symbolic link, so that nobody ever sees a half-made
 * one. (A virtual environment cannot be renamed: its scripts hold its path.)
 */
export async function ensureVirtualEnvironment(options: {
  name: string;
  python: Python;
  lockFile: string;
  log: (line: string) => void;
  /** Ends the making; nothing half-made is left. */
  signal?: AbortSignal | undefined;
}): Promise<VirtualEnvironment> {
  const parent = join(stateDir, "python");
  const lock = await readFile(options.lockFile);
  const fingerprint = createHash("sha256")
    .update(lock)
    .update(`${options.python.version} ${options.python.command}`)
    .digest("hex")
    .slice(0, 12);
  const link = join(parent, `${options.name}@${fingerprint}`);
  const published = { dir: link, python: join(link, "bin", "python") };
  const isReady = async () => (await outputOf(published.python, ["-c", "print(1)"])) !== undefined;
  if (await isReady()) return published;
  await mkdir(parent, { recursive: true });
  await oneAtATime(`${link}.lock`, options.signal, async () => {
    if (!(await isReady())) await make({ ...options, parent, link });
  });
  return published;
}

async function make(
  options: Parameters<typeof ensureVirtualEnvironment>[0] & { parent: string; link: string },
): Promise<void> {
  const { parent, link, signal } = options;
  const startedAt = Date.now();
  options.log(`python: making the virtual environment "${options.name}" with Python ${options.python.version} …`);
  const dir = `${link}.${randomUUID().slice(0, 8)}`;
  try {
    await run(options.python.command, ["-m", "venv", dir], { signal });
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--no-input",
      "--require-hashes",
      "-r",
      options.lockFile,
    ];
    await run(join(dir, "bin", "python"), pip, { signal, maxBuffer: 64 * 1024 * 1024 });
    await publish(dir, link);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  await deleteOutdated(parent, options.name, link);
  options.log(`python: "${options.name}" is ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Saves the second maker the work; it need not be perfect, as publishing is atomic. A lock of a dead process counts for nothing. */
async function oneAtATime(lock: string, signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      await writeFile(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const owner = Number(await readFile(lock, "utf8").catch(() => ""));
      if (owner > 0 && !isAlive(owner)) await rm(lock, { force: true });
      await pause(200);
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function publish(dir: string, link: string): Promise<void> {
  const draft = `${dir}.link`;
  await symlink(basename(dir), draft);
  await rename(draft, link);
}

/** Deletes what was made from earlier lock files of the same name, but nothing that somebody may still be making. */
async function deleteOutdated(parent: string, name: string, link: string): Promise<void> {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.isSymbolicLink() || !entry.name.startsWith(`${name}@`) || entry.name === basename(link)) continue;
    const target = await readlink(join(parent, entry.name));
    await rm(join(parent, entry.name), { force: true });
    await rm(join(parent, basename(target)), { recursive: true, force: true });
  }
}
