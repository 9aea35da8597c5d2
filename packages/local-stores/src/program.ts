import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The full path of a program on PATH. */
export async function findOnPath(name: string): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    if (directory === "") continue;
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** What a program prints, undefined when it cannot be run or fails. */
export async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(command, args, { timeout: 120_000 })).stdout;
  } catch {
    return undefined;
  }
}

export async function mayUseApt(): Promise<boolean> {
  return process.getuid?.() === 0 && (await findOnPath("apt-get")) !== undefined;
}

/** Installs Debian packages; true when that worked. RUNLEVEL=1 keeps their services from being started. */
export async function aptInstall(packages: readonly string[], log: (line: string) => void): Promise<boolean> {
  if (!(await mayUseApt())) return false;
  log(`apt-get: installing ${packages.join(", ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const apt = (...args: string[]) => run("apt-get", args, { env, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 });
  try {
    await apt("update", "-q");
    await apt("install", "-y", "-q", "--no-install-recommends", ...packages);
    return true;
  } catch (error) {
    log(`apt-get: failed (${error instanceof Error ? error.message.split("\n")[0] : error})`);
    return false;
  }
}
