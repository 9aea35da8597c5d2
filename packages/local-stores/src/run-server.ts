import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findFreePort } from "./free-port.ts";
import { awaitPredecessor } from "./predecessor.ts";
import { type Server, type ServerOptions, supervise } from "./supervise.ts";

export type StoreOptions = {
  /** The folder of this store alone; made when absent. */
  dataDir: string;
  /** Taken if it is free, else another one. */
  port?: number | undefined;
  /** Deletes what the store held. */
  fresh?: boolean | undefined;
  /** Gets one line for each slow thing that happens. */
  log: (line: string) => void;
};

export type Store = {
  url: string;
  /** Which way of getting the store worked, for the reader of a log. */
  source: string;
  /** Absent when the server is not a process of this machine that we started. */
  processId?: number;
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

/**
 * Starts a server on a port and returns when `probe` succeeds. `probe` throws until the server answers, and must make
 * sure that the answer is this server's: between the choice of a port and its use another process may have taken it.
 */
export async function runServer(options: {
  port: number | undefined;
  folder: string;
  /** See {@link awaitPredecessor}. */
  mark: string;
  launch: (port: number) => Omit<ServerOptions, "logFile">;
  probe: (port: number) => Promise<void>;
}): Promise<{ port: number; server: Server }> {
  const logFile = join(options.folder, "server.log");
  const pidFile = join(options.folder, "server.pid");
  await awaitPredecessor(pidFile, options.mark);
  const port = await findFreePort(options.port);
  const server = await supervise({ ...options.launch(port), logFile });
  await writeFile(pidFile, `${server.processId}\n`);
  let lastError: unknown;
  for (let tries = 0; tries < READY_TRIES && !server.hasExited(); tries++) {
    try {
      await options.probe(port);
      return { port, server };
    } catch (error) {
      lastError = error;
      await pause(READY_PAUSE_MS);
    }
  }
  const what = server.hasExited()
    ? "the server ended while starting"
    : `the server did not answer in time (${lastError})`;
  await server.stop();
  const text = await readFile(logFile, "utf8").catch(() => "");
  throw new ServerFailedError(what, text.split("\n").slice(-15).join("\n").trim());
}
