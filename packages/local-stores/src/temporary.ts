import { chmod, mkdir, mkdtemp, readdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MEMORY_DIR, SHARED_DIR } from "./postgres-binaries.ts";
import { isAlive } from "./predecessor.ts";
import type { StoreName } from "./store-unavailable.ts";
import { type Stores, startStores } from "./stores.ts";
import { shortHash, workspaceDir } from "./workspace.ts";

/** What the databases of all tests that run at once take, with room to spare. */
const MEMORY_BYTES_MIN = 6 * 2 ** 30;

/** Names hold the owner's process id, by which what a killed owner left is recognised. */
const prefix = `control-plane-${shortHash(workspaceDir)}-`;

/**
 * In memory where there is much of it: each test makes and drops a database of some 300 files, and each drop waits until
 * the files of all others are on the disk.
 */
async function findParent(): Promise<string> {
  const { bavail, bsize } = await statfs(MEMORY_DIR).catch(() => ({ bavail: 0, bsize: 0 }));
  if (Math.min(bavail * bsize, process.availableMemory()) >= MEMORY_BYTES_MIN) return MEMORY_DIR;
  // As root user postgres must reach the folder, which rules out a private folder of root's.
  return process.getuid?.() === 0 ? SHARED_DIR : tmpdir();
}

/** What belongs to somebody else is left to them. */
async function deleteLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const owner = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (Number.isNaN(owner) || isAlive(owner)) continue;
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Starts the stores that no variable names with data that is deleted when they stop. */
export async function startTemporaryStores(log: (line: string) => void, only?: readonly StoreName[]): Promise<Stores> {
  const parent = await findParent();
  await mkdir(parent, { recursive: true, mode: 0o755 });
  await deleteLeftovers(parent);
  const dataDir = await mkdtemp(join(parent, `${prefix}${process.pid}-`));
  await chmod(dataDir, 0o711);
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const stores = await startStores({ dataDir, forTests: true, log, ...(only === undefined ? {} : { only }) });
    return {
      ...stores,
      async stop() {
        await stores.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
