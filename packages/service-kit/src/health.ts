import type { FastifyInstance } from "fastify";
import { inTime } from "./in-time.ts";
import type { Logger } from "./logger.ts";

export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>;

const CHECK_MS_MAX = 1_000;

/** `/live`: the process answers, and which one it is: whoever started it sees that the port is not another's. `/ready`: its stores answer within a second and it is not shutting down. */
export function registerHealth(
  server: FastifyInstance,
  options: { log: Logger; ready: ReadinessChecks; isClosing: () => boolean },
): void {
  server.get("/live", async () => ({ status: "live", processId: process.pid }));
  server.get("/ready", async (_request, reply) => {
    const failed = options.isClosing() ? ["shutdown"] : await failedChecks(options.ready, options.log);
    if (failed.length === 0) return { status: "ready" };
    return reply.status(503).header("retry-after", "5").send({ status: "not ready", failed });
  });
}

async function failedChecks(checks: ReadinessChecks, log: Logger): Promise<string[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await inTime(check(), CHECK_MS_MAX);
        return undefined;
      } catch (error) {
        log.warn({ err: error, check: name }, "readiness check failed");
        return name;
      }
    }),
  );
  return results.filter((name) => name !== undefined);
}
