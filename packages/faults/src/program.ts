import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type Server, supervise } from "@control-plane/local-stores";
import { STRETCH } from "./stretch.ts";

export type ProgramSpec = {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Each start writes a file of its own in it. */
  readonly logDir: string;
  /** Answers 2xx once the program can work; undefined where there is nothing to ask. */
  readonly readyUrl: string | undefined;
};

export type StartOptions = {
  /** The setting FAILPOINTS of this start alone. */
  failpoints?: string;
  env?: Readonly<Record<string, string>>;
  args?: readonly string[];
  /** Returns as soon as the process is there: it will not become ready. */
  unready?: boolean;
};

/** One service as a process that a cell starts, kills, stops and starts again. */
export type Program = {
  readonly name: string;
  readonly args: readonly string[];
  readonly url: string;
  readonly pid: number;
  /** Milliseconds until it was ready. */
  start(options?: StartOptions): Promise<number>;
  isRunning(): boolean;
  /** Waits until the process has ended by itself; false when it has not in time. */
  ended(msMax: number): Promise<boolean>;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** SIGTERM; milliseconds until it was gone. */
  stop(): Promise<number>;
  /** Everything it wrote, over all its starts. */
  logText(): Promise<string>;
};

/** A service never got so far that a cell could say anything of it. */
export class NotReadyError extends Error {}

const READY_WITHIN_MS = 60_000 * STRETCH;
const GRACE_SECONDS = 15;
const LOOK_EVERY_MS = 20;

export function createProgram(spec: ProgramSpec): Program {
  let server: Server | undefined;
  const logFiles: string[] = [];
  const isRunning = (): boolean => server !== undefined && !server.hasExited();
  const current = (): Server => {
    if (server === undefined) throw new Error(`${spec.name} was never started`);
    return server;
  };
  const ended = async (msMax: number): Promise<boolean> => {
    for (const deadline = Date.now() + msMax; isRunning(); await delay(LOOK_EVERY_MS))
      if (Date.now() > deadline) return false;
    return true;
  };
  const signal = (name: NodeJS.Signals): void => {
    if (isRunning()) process.kill(current().processId, name);
  };
  return {
    name: spec.name,
    args: spec.args,
    url: spec.readyUrl === undefined ? "" : new URL(spec.readyUrl).origin,
    get pid() {
      return current().processId;
    },
    isRunning,
    ended,
    signal,
    async start({ failpoints = "", env = {}, args = [], unready = false } = {}) {
      const startedAt = performance.now();
      let logFile = "";
      const launch = async (): Promise<void> => {
        logFile = `${spec.logDir}/${spec.name}-${logFiles.length + 1}.log`;
        logFiles.push(logFile);
        server = await supervise({
          command: process.execPath,
          args: [...args, ...spec.args],
          env: { ...spec.env, ...env, FAILPOINTS: failpoints },
          cwd: spec.cwd,
          logFile,
          stopSignal: "TERM",
          graceSeconds: GRACE_SECONDS,
        });
      };
      await launch();
      const deadline = Date.now() + READY_WITHIN_MS;
      while (!unready && spec.readyUrl !== undefined && !(await answers(spec.readyUrl))) {
        if (Date.now() > deadline)
          throw new NotReadyError(`${spec.name} did not become ready:\n${await lastLines(logFile)}`);
        // As whatever keeps services running would.
        if (!isRunning()) await launch();
        await delay(LOOK_EVERY_MS);
      }
      return performance.now() - startedAt;
    },
    async kill() {
      signal("SIGKILL");
      await ended(5_000);
    },
    async stop() {
      const startedAt = performance.now();
      signal("SIGCONT");
      await server?.stop();
      return performance.now() - startedAt;
    },
    logText: async () => (await Promise.all(logFiles.map((file) => readFile(file, "utf8").catch(() => "")))).join("\n"),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(1_500) });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}

async function lastLines(file: string): Promise<string> {
  return (await readFile(file, "utf8").catch(() => "")).trimEnd().split("\n").slice(-8).join("\n");
}
