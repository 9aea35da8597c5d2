import type { FastifyInstance } from "fastify";
import type { Logger } from "./logger.ts";

export type Loop = { stop(): Promise<void> };

/**
 * Ends the process in order on SIGTERM or SIGINT: no new requests, requests under way end, loops stop, dependencies
 * close, exit 0. Past the deadline, or after an error nobody caught, exit 1.
 */
export function runUntilSignal(options: {
  server: FastifyInstance;
  log: Logger;
  close: () => Promise<void>;
  loops?: readonly Loop[];
  deadlineMs: number;
}): void {
  const { server, log } = options;
  let ending = false;
  const end = async (exitCode: number): Promise<void> => {
    if (ending) return;
    ending = true;
    const timer = setTimeout(() => {
      log.error({ deadlineMs: options.deadlineMs }, "shutdown took too long");
      process.exit(1);
    }, options.deadlineMs);
    timer.unref();
    try {
      await Promise.all([server.close(), ...(options.loops ?? []).map((loop) => loop.stop())]);
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
