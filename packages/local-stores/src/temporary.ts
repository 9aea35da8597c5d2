import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootOwnedDir } from "./postgres-binaries.ts";
import { isAlive } from "./predecessor.ts";
import type { StoreName } from "./store-unavailable.ts";
import { type Stores, startStores } from "./stores.ts";
import { shortHash, workspaceDir } from "./workspace.ts";

/** Names hold the owner's process id, by which what a killed owner left is recognised. */
const NAME = /^run-(\d+)-/;

async function deleteLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Starts the stores that no variable names with data that is deleted when they stop. */
export async function startTemporaryStores(log: (line: string) => void, only?: readonly StoreName[]): Promise<Stores> {
  // As root user postgres must reach the folder, which rules out a private folder of root's.
  const parent = process.getuid?.() === 0 ? rootOwnedDir : join(tmpdir(), `control-plane-${shortHash(workspaceDir)}`);
  await mkdir(parent, { recursive: true, mode: 0o755 });
  await deleteLeftovers(parent);
  const dataDir = await mkdtemp(join(parent, `run-${process.pid}-`));
  await chmod(dataDir, 0o711);
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const stores = await startStores({ dataDir, log, ...(only === undefined ? {} : { only }) });
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
