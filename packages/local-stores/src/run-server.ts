import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isPortTaken, reservePort } from "./free-port.ts";
import { awaitPredecessor } from "./predecessor.ts";
import { type Server, type ServerOptions, supervise } from "./supervise.ts";

export type StoreOptions = {
  /** The folder of this store alone; made when absent. */
  dataDir: string;
  /** Taken if it is free, else another one. */
  port?: number | undefined;
  /** Deletes what the store held. */
  fresh?: boolean | undefined;
  /**
   * For what tests put there and nothing else: only whoever could get out of the server needs the password, which is
   * PostgreSQL's superuser and all of Redis.
   */
  forTests?: boolean | undefined;
  /** Ends the start; what was started is stopped again. */
  signal?: AbortSignal | undefined;
  /** Gets one line for each slow thing that happens. */
  log: (line: string) => void;
};

export type Store = {
  url: string;
  /** Which way of getting the store worked, for the reader of a log. */
  source: string;
  /** Absent when the server is not a process of this machine that we started. */
  processId?: number;
  /** Whether that process has ended; absent where it is none of ours. */
  hasExited?(): boolean;
  stop(): Promise<void>;
};

/** Why a server that was started does not serve. */
export class ServerFailedError extends Error {
  readonly logTail: string;

  constructor(message: string, logTail: string) {
    super(`${message}\n${logTail}`);
    this.name = "ServerFailedError";
    this.logTail = logTail;
  }
}

const READY_TRIES = 600;
const READY_PAUSE_MS = 50;

/** Another program took the port between its choice and its use. */
class PortLostError extends ServerFailedError {}

type RunOptions = {
  port: number | undefined;
  folder: string;
  /** See {@link awaitPredecessor}. */
  mark: string;
  launch: (port: number) => Omit<ServerOptions, "logFile">;
  probe: (port: number, processId: number) => Promise<void>;
  signal?: AbortSignal | undefined;
};

const STARTS_MAX = 5;
const LINES_SHOWN = 15;

/**
 * Starts a server on a port and returns when `probe` succeeds. `probe` throws until the server answers, and must make
 * sure that the answer is this server's. Where another program takes the port meanwhile, another port is taken.
 */
export async function runServer(options: RunOptions): Promise<{ port: number; server: Server }> {
  await awaitPredecessor(join(options.folder, "server.pid"), options.mark);
  for (let starts = 1; ; starts++) {
    options.signal?.throwIfAborted();
    const reservation = await reservePort(starts === 1 ? options.port : undefined);
    try {
      return { port: reservation.port, server: await startOn(reservation.port, options) };
    } catch (error) {
      if (!(error instanceof PortLostError) || starts === STARTS_MAX) throw error;
    } finally {
      reservation.release();
    }
  }
}

async function startOn(port: number, options: RunOptions): Promise<Server> {
  const server = await supervise({ ...options.launch(port), logFile: join(options.folder, "server.log") });
  await writeFile(join(options.folder, "server.pid"), `${server.processId}\n`);
  let lastError: unknown;
  for (let tries = 0; tries < READY_TRIES && !server.hasExited() && options.signal?.aborted !== true; tries++) {
    try {
      await options.probe(port, server.processId);
      // An answer while our server has no hold of the port is somebody else's.
      if (!server.hasExited()) return server;
    } catch (error) {
      lastError = error;
      await pause(READY_PAUSE_MS);
    }
  }
  const ended = server.hasExited();
  await server.stop();
  options.signal?.throwIfAborted();
  const what = ended ? "the server ended while starting" : `the server did not answer in time (${lastError})`;
  const tail = await server.logTail(LINES_SHOWN);
  throw ended && (await isPortTaken(port)) ? new PortLostError(what, tail) : new ServerFailedError(what, tail);
}
