import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { rootDir } from "./clone.ts";

/** Its owner may start a stack in the folder, or delete what is in it. */
export type StackLock = { release(): void };

const ownerSchema = z.object({ processId: z.int(), clone: z.string(), since: z.iso.datetime() });
export type LockOwner = z.infer<typeof ownerSchema>;

/** Files of the state directory that a reset leaves: without them two processes could hold one folder. */
export const LOCK_FILE = "lock";
export const OWNER_FILE = "running.json";

export class StackRunningError extends Error {
  constructor(owner: LockOwner | undefined) {
    super(
      owner === undefined
        ? "another command is at work in this folder; try again when it has ended"
        : `a stack of this folder runs: process ${owner.processId} in ${owner.clone}, since ${sinceText(owner.since)}\n  stop it first: Ctrl-C in its terminal, or kill ${owner.processId}`,
    );
    this.name = "StackRunningError";
  }
}

/**
 * Throws at once when another process holds the folder. The lock is SQLite's on its file, which the system takes back
 * whatever ends this process: nothing stale can be left, unlike with the number of a process in a file.
 */
export function lockStack(stateDir: string): StackLock {
  mkdirSync(stateDir, { recursive: true });
  const database = tryToLock(stateDir);
  const ownerFile = join(stateDir, OWNER_FILE);
  if (database === undefined) throw new StackRunningError(readOwner(ownerFile));
  const owner: LockOwner = { processId: process.pid, clone: rootDir, since: new Date().toISOString() };
  writeFileSync(ownerFile, `${JSON.stringify(owner)}\n`);
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      rmSync(ownerFile, { force: true });
      database.close();
    },
  };
}

/** Who holds the folder; `undefined` where nobody does. */
export function findLockOwner(stateDir: string): LockOwner | "somebody" | undefined {
  mkdirSync(stateDir, { recursive: true });
  const database = tryToLock(stateDir);
  if (database === undefined) return readOwner(join(stateDir, OWNER_FILE)) ?? "somebody";
  database.close();
  return undefined;
}

const SQLITE_BUSY = 5;

function tryToLock(stateDir: string): DatabaseSync | undefined {
  const database = new DatabaseSync(join(stateDir, LOCK_FILE), { timeout: 0 });
  try {
    database.exec("begin exclusive");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}

function readOwner(file: string): LockOwner | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}

function sinceText(since: string): string {
  const minutes = Math.floor((Date.now() - Date.parse(since)) / 60_000);
  return `${new Date(since).toLocaleString("sv-SE")} (${minutes < 1 ? "less than a minute" : `${minutes} min`} ago)`;
}
