import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { keepRunning, type Server, supervise } from "@control-plane/local-stores";
import { z } from "zod";

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

/** Another program took the service's port between its choice and its use. */
export class PortLostError extends Error {}

/** On an idle machine a second; on one that is busy with something else it only takes longer. */
const READY_WITHIN_MS = 120_000;
const GRACE_SECONDS = 12;
const LINES_SHOWN = 8;

/**
 * Starts a service, waits until it is ready, and keeps it running: a process that ends by itself is started again. Its
 * end is tied to this process by the supervisor, so not even kill -9 of the stack leaves it behind.
 * Throws with the log's place when the service does not become ready.
 */
export async function startService(
  spec: ServiceSpec,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<ServiceProcess> {
  const { name, logFile } = spec;
  const first = await launch(spec, signal);
  const kept = keepRunning({ name, first, start: (ended) => launch(spec, ended), log, logFile });
  return {
    name,
    processId: () => (kept.current().hasExited() ? undefined : kept.current().processId),
    kill() {
      if (!kept.current().hasExited()) process.kill(kept.current().processId, "SIGKILL");
    },
    stop: kept.stop,
  };
}

async function launch(spec: ServiceSpec, signal: AbortSignal | undefined): Promise<Server> {
  signal?.throwIfAborted();
  const server = await supervise({
    command: spec.command,
    args: spec.args,
    env: spec.env,
    cwd: spec.cwd,
    logFile: spec.logFile,
    stopSignal: "TERM",
    graceSeconds: GRACE_SECONDS,
  });
  // For `npm run doctor`.
  await writeFile(spec.logFile.replace(/\.log$/, ".pid"), `${server.processId}\n`);
  const { readyUrl } = spec;
  if (readyUrl === undefined) return server;
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await isReady(readyUrl, server.processId))) {
    if (server.hasExited()) throw await whyEnded(spec, server);
    if (signal?.aborted === true || Date.now() > deadline) {
      await server.stop();
      signal?.throwIfAborted();
      throw new Error(`${spec.name} did not become ready within ${READY_WITHIN_MS / 1000} s; see ${spec.logFile}`);
    }
    await delay(50);
  }
  return server;
}

/** With what the service said at last, so that nobody has to open the file for it. */
async function whyEnded(spec: ServiceSpec, server: Server): Promise<Error> {
  const tail = await server.logTail(LINES_SHOWN);
  if (spec.readyUrl !== undefined && tail.includes("EADDRINUSE"))
    return new PortLostError(`port ${new URL(spec.readyUrl).port} was taken by another program`);
  const lines = tail.split("\n").map((line) => `\n    ${line}`);
  return new Error(`${spec.name} ended while starting; see ${spec.logFile}${lines.join("")}`);
}

const liveSchema = z.object({ processId: z.int() });

/** Asks who answers first: on a port that was taken meanwhile another stack's service would be just as ready. */
async function isReady(readyUrl: string, processId: number): Promise<boolean> {
  const live = await ask(new URL("/live", readyUrl));
  const answer: unknown = await live?.json().catch(() => undefined);
  if (liveSchema.safeParse(answer).data?.processId !== processId) return false;
  const ready = await ask(readyUrl);
  await ready?.body?.cancel();
  return ready?.ok === true;
}

async function ask(url: string | URL): Promise<Response | undefined> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(1_500) });
  } catch {
    return undefined;
  }
}
