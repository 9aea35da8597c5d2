import type { FastifyInstance } from "fastify";
import { drainConnections } from "./end-connections.ts";
import type { Logger } from "./logger.ts";

export type Loop = { stop(): Promise<void> };

/** Before the deadline, so that a store which never says good-bye is not mistaken for requests that were cut off. */
const LEAVE_BEFORE_DEADLINE_MS = 1_000;

/**
 * Ends the process in order on SIGTERM or SIGINT: connections in use hear good-bye, no new requests, requests under way
 * end, loops stop, dependencies close, exit 0. Once every request is answered, a store that hangs holds nothing up: loops
 * and connections that wait for it are left as a crash would leave them, and the exit is 0 shortly before the deadline.
 * With requests still under way at the deadline, or after an error nobody caught, exit 1.
 */
export function runUntilSignal(options: {
  server: FastifyInstance;
  log: Logger;
  close: () => Promise<void>;
  loops?: readonly Loop[];
  deadlineMs: number;
}): void {
  const { server, log, loops = [], deadlineMs } = options;
  let ending = false;
  const end = async (exitCode: number): Promise<void> => {
    if (ending) return;
    ending = true;
    let answered = false;
    exitAfter(deadlineMs, () => {
      log.error({ deadlineMs }, "shutdown took too long");
      return 1;
    });
    exitAfter(deadlineMs - LEAVE_BEFORE_DEADLINE_MS, () => {
      if (!answered) return undefined;
      log.warn("a store does not let go; leaving without it");
      return exitCode;
    });
    const serve = async (): Promise<void> => {
      if (exitCode === 0) await drainConnections(server);
      await server.close();
      answered = true;
    };
    try {
      await Promise.all([serve(), ...loops.map((loop) => loop.stop())]);
      await options.close();
      process.exit(exitCode);
    } catch (error) {
      log.error({ err: error }, "shutdown failed");
      process.exit(1);
    }
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      log.info({ signal }, "shutting down");
      void end(0);
    });
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, "an error nobody caught");
      void end(1);
    });
  }
}

/** @param leave the exit code; undefined: not yet. */
function exitAfter(ms: number, leave: () => number | undefined): void {
  const timer = setTimeout(() => {
    const exitCode = leave();
    if (exitCode !== undefined) process.exit(exitCode);
  }, ms);
  timer.unref();
}
