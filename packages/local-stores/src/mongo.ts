import { mkdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Db, MongoClient } from "mongodb";
import { startInDocker } from "./docker.ts";
import { keepPassword, makePassword, readPassword } from "./password.ts";
import { findOnPath, outputOf } from "./program.ts";
import { pythonStores } from "./python-stores.ts";
import { runServer, type Store, type StoreOptions } from "./run-server.ts";
import { StoreUnavailableError } from "./store-unavailable.ts";
import { stateDir } from "./workspace.ts";

type Run = (options: { asks: boolean }) => ReturnType<typeof runServer>;
type MongoProgram = { command: string; args: (port: number, folder: string) => string[]; source: string };

const REMEDY = "install mongod, or Python 3.10 to 3.13 with venv, or Docker; or set MONGODB_URL";

const USER = "control_plane";

/** Without a password: of a server that asks for none. */
function urlAt(port: number, password?: string): string {
  const account = password === undefined ? "" : `${USER}:${password}@`;
  const source = password === undefined ? "" : "&authSource=admin";
  return `mongodb://${account}127.0.0.1:${port}/?directConnection=true${source}`;
}

function mongod(command: string, source: string): MongoProgram {
  return {
    command,
    source,
    args: (port, folder) => [
      "--bind_ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--dbpath",
      join(folder, "data"),
      "--nounixsocket",
    ],
  };
}

async function findInstalled(): Promise<MongoProgram | undefined> {
  const command = await findOnPath("mongod");
  const version =
    command === undefined ? null : /db version v(\S+)/.exec((await outputOf(command, ["--version"])) ?? "");
  return command === undefined || version === null ? undefined : mongod(command, `mongod ${version[1]}`);
}

/** SecantusDB: a separate program for development and tests, never shipped (GPL-2.0). */
async function findInPython(log: (line: string) => void, signal?: AbortSignal): Promise<MongoProgram | string> {
  const environment = await pythonStores(log, signal);
  if (typeof environment === "string") return environment;
  const flags = ["--host", "127.0.0.1", "--standalone", "--log-level", "WARNING"];
  return {
    command: join(environment.dir, "bin", "secantusd-py"),
    source: "secantusdb 0.7.0b3",
    args: (port, folder) => [...flags, "--port", String(port), "--storage-path", join(folder, "data")],
  };
}

/** Downloads a server on first use, from a host that many machines may not reach. */
async function findDownloaded(log: (line: string) => void): Promise<MongoProgram | undefined> {
  log("mongo: looking for a MongoDB server to download …");
  try {
    const { MongoBinary } = await import("mongodb-memory-server-core");
    return mongod(
      await MongoBinary.getPath({ downloadDir: join(stateDir, "mongodb-binaries") }),
      "mongodb-memory-server",
    );
  } catch (error) {
    log(`mongo: no download (${String(error).split("\n")[0]})`);
    return undefined;
  }
}

async function findMongo(log: (line: string) => void, signal?: AbortSignal): Promise<MongoProgram | string> {
  const installed = await findInstalled();
  if (installed !== undefined) return installed;
  const inPython = await findInPython(log, signal);
  if (typeof inPython !== "string") return inPython;
  signal?.throwIfAborted();
  return (await findDownloaded(log)) ?? inPython;
}

async function withAdmin<T>(url: string, work: (admin: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 500, connectTimeoutMS: 500 });
  try {
    return await work(client.db("admin"));
  } finally {
    await client.close();
  }
}

async function probe(url: string, processId: number): Promise<void> {
  await withAdmin(url, async (admin) => {
    const { pid } = await admin.command({ serverStatus: 1 });
    if (Number(pid) !== processId) throw new Error("another server answers on this port");
  });
}

/** Of a server that is run without asking for accounts, for as long as that takes. */
async function addAccount(run: Run, password: string): Promise<void> {
  const { port, server } = await run({ asks: false });
  try {
    await withAdmin(urlAt(port), async (admin) => {
      await admin.command({ createUser: USER, pwd: password, roles: ["root"] }).catch(async () => {
        // It is there; whoever made it was stopped before the password was kept.
        await admin.command({ updateUser: USER, pwd: password });
      });
    });
  } finally {
    await server.stop();
  }
}

/** A server of MongoDB's wire protocol; clients connect directly, it is no replica set. */
export async function startMongo(options: StoreOptions): Promise<Store> {
  const program = await findMongo(options.log, options.signal);
  if (typeof program === "string") {
    return startInDocker("mongo", options).catch((error: unknown) => {
      throw new StoreUnavailableError("mongo", `${program}, and Docker is not there`, REMEDY, { cause: error });
    });
  }
  const known = await readPassword(options.dataDir);
  const password = known ?? makePassword();
  if (options.fresh === true) await rm(options.dataDir, { recursive: true, force: true });
  await mkdir(join(options.dataDir, "data"), { recursive: true, mode: 0o700 });
  const folder = await realpath(options.dataDir);
  const hasAccount = options.forTests !== true;
  const run: Run = ({ asks }) =>
    runServer({
      port: options.port,
      folder,
      mark: folder,
      launch: (port) => ({
        command: program.command,
        args: [...program.args(port, folder), ...(asks ? ["--auth"] : [])],
        cwd: folder,
        stopSignal: "TERM",
        graceSeconds: 15,
      }),
      probe: (port, processId) => probe(urlAt(port, asks ? password : undefined), processId),
      signal: options.signal,
    });
  if (hasAccount && (known === undefined || options.fresh === true)) {
    options.log("mongo: making the account that the server asks for");
    await addAccount(run, password);
    await keepPassword(options.dataDir, password);
  }
  const { port, server } = await run({ asks: hasAccount });
  return {
    url: urlAt(port, hasAccount ? password : undefined),
    source: program.source,
    processId: server.processId,
    hasExited: server.hasExited,
    stop: server.stop,
  };
}
