import type { FastifyInstance } from "fastify";

const CHECK_MS = 100;
/** How long a connection may wait for its first request once the server closes. */
const SILENT_MS = 1_000;

/**
 * Lets `server.close()` end as soon as the last request under way is answered. Node closes the connections that are idle
 * when the close begins and waits for all others, also for those that fall idle a moment later and for those that were
 * opened and never used.
 */
export function endConnections(server: FastifyInstance): { isClosing(): boolean } {
  let closingSince: number | undefined;
  const underWay = new Set<object>();

  server.addHook("onRequest", (request, reply, done) => {
    underWay.add(request);
    reply.raw.once("close", () => underWay.delete(request));
    done();
  });
  server.addHook("onSend", (_request, reply, payload, done) => {
    if (closingSince !== undefined) reply.header("connection", "close");
    done(null, payload);
  });
  server.addHook("preClose", async () => {
    const since = performance.now();
    closingSince = since;
    if (!server.server.listening) return;
    const timer = setInterval(() => {
      if (underWay.size === 0 && performance.now() - since > SILENT_MS) server.server.closeAllConnections();
      else server.server.closeIdleConnections();
    }, CHECK_MS);
    timer.unref();
    server.server.once("close", () => clearInterval(timer));
  });
  return { isClosing: () => closingSince !== undefined };
}
