import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type Server, supervise } from "@control-plane/local-stores";

export type ServiceSpec = {
  name: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  logFile: string;
  /** Answers 2xx once the service can work; undefined where there is nothing to ask. */
  readyUrl: string | undefined;
};

export type ServiceProcess = {
  name: string;
  processId(): number | undefined;
  /** SIGKILL, as a crash would be; the process is started again. */
  kill(): void;
  stop(): Promise<void>;
};

/** On an idle machine a second; on one that is busy with something else it only takes longer. */
const READY_WITHIN_MS = 120_000;
const GRACE_SECONDS = 12;
/** More crashes than this within a minute, and the service stays down. */
const RESTARTS_PER_MINUTE_MAX = 10;

/**
 * Starts a service, waits until it is ready, and keeps it running: a process that ends by itself is started again. Its
 * end is tied to this process by the supervisor, so not even kill -9 of the stack leaves it behind.
 * Throws with the log's place when the service does not become ready.
 */
export async function startService(spec: ServiceSpec, log: (line: string) => void): Promise<ServiceProcess> {
  let stopping = false;
  let current = await launch(spec);
  const crashes: number[] = [];

  const watch = async (): Promise<void> => {
    while (!stopping) {
      await delay(200, undefined, { ref: false });
      if (stopping || !current.hasExited()) continue;
      crashes.push(Date.now());
      const recent = crashes.filter((at) => at > Date.now() - 60_000).length;
      if (recent > RESTARTS_PER_MINUTE_MAX) return log(`${spec.name} keeps ending; it stays down. See ${spec.logFile}`);
      log(`${spec.name} ended unexpectedly; starting it again`);
      try {
        current = await launch(spec);
        if (stopping) await current.stop();
      } catch (error) {
        log(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const watching = watch();

  return {
    name: spec.name,
    processId: () => (current.hasExited() ? undefined : current.processId),
    kill() {
      if (!current.hasExited()) process.kill(current.processId, "SIGKILL");
    },
    async stop() {
      stopping = true;
      await current.stop();
      await watching;
    },
  };
}

async function launch(spec: ServiceSpec): Promise<Server> {
  const server = await supervise({
    command: spec.command,
    args: spec.args,
    env: spec.env,
    cwd: spec.cwd,
    logFile: spec.logFile,
    stopSignal: "TERM",
    graceSeconds: GRACE_SECONDS,
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (spec.readyUrl !== undefined && !(await answers(spec.readyUrl))) {
    if (server.hasExited())
      throw new Error(`${spec.name} ended while starting; see ${spec.logFile}${await lastLines(spec.logFile)}`);
    if (Date.now() > deadline) {
      await server.stop();
      throw new Error(`${spec.name} did not become ready within ${READY_WITHIN_MS / 1000} s; see ${spec.logFile}`);
    }
    await delay(50);
  }
  return server;
}

const LINES_SHOWN = 8;

/** What the service said at last, indented, so that nobody has to open the file for it. */
async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  const lines = text.trimEnd().split("\n").slice(-LINES_SHOWN);
  return lines.map((line) => `\n    ${line}`).join("");
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
