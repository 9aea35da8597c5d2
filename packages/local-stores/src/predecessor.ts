import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The command line of a live process, undefined when there is none. */
export async function commandOf(processId: number): Promise<string | undefined> {
  try {
    const { stdout } = await run("ps", ["-p", String(processId), "-o", "stat=,args="]);
    const [state, ...args] = stdout.trim().split(/\s+/);
    return state === undefined || state.startsWith("Z") ? undefined : args.join(" ");
  } catch {
    return await commandFromProc(processId);
  }
}

/** Slim images have no ps. */
async function commandFromProc(processId: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${processId}/cmdline`, "utf8");
    return text === "" ? undefined : text.replaceAll("\0", " ").trim();
  } catch {
    return undefined;
  }
}

/**
 * Waits for the server that a pid file names to end (its supervisor ends it when the owner died), then deletes the file.
 * A process that merely got the number of a dead server is recognised by its command line, so a stale file blocks nothing.
 * @param mark text that only the command line of the server we mean contains
 * @throws when the server still runs after 15 s: somebody else is using the folder.
 */
export async function awaitPredecessor(pidFile: string, mark: string): Promise<void> {
  const processId = Number((await readFile(pidFile, "utf8").catch(() => "")).split("\n")[0]);
  if (Number.isSafeInteger(processId) && processId > 1) {
    for (let tries = 0; (await commandOf(processId))?.includes(mark) === true; tries++) {
      if (tries === 150) {
        throw new Error(
          `process ${processId} uses this folder already; end the other stack first (or: kill ${processId})`,
        );
      }
      await pause(100);
    }
  }
  await rm(pidFile, { force: true });
}
