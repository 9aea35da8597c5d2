import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

const CHECK_MS = 100;
/** A server of which nobody wanted anything for so long is not in use: balancers have seen that it goes. */
const SILENT_MS = 1_000;
/** Longest that a server which is told to end still takes new connections, while those in use say good-bye. */
const DRAIN_MS_MAX = 3_000;

type Connections = {
  isClosing(): boolean;
  drain(): Promise<void>;
};

const connectionsOf = new WeakMap<FastifyInstance, Connections>();

/**
 * Says good-bye to connections that are in use, before `server.close()`: from now on every answer carries
 * `Connection: close`, so a client that keeps connections alive sends its next request elsewhere. A connection that is
 * just closed meets the next request half-way, which then fails although nothing is wrong with it. Ends when
 * nobody has connected or asked for a second, after 3 s at the latest: connections that said good-bye are gone, and
 * still the same client may be about to open the next one here.
 */
export async function drainConnections(server: FastifyInstance): Promise<void> {
  await connectionsOf.get(server)?.drain();
}

/**
 * Lets `server.close()` end as soon as the last request under way is answered. Node closes the connections that are idle
 * when the close begins and waits for all others, also for those that fall idle a moment later and for those that were
 * opened and never used.
 */
export function endConnections(server: FastifyInstance): { isClosing(): boolean } {
  let closing = false;
  let underWay = 0;
  let open = 0;
  let lastUsed = Number.NEGATIVE_INFINITY;

  server.server.on("connection", (socket) => {
    open += 1;
    lastUsed = performance.now();
    socket.once("close", () => {
      open -= 1;
    });
  });
  const leave = (): void => {
    underWay -= 1;
    lastUsed = performance.now();
  };
  server.addHook("onRequest", (_request, reply, done) => {
    underWay += 1;
    lastUsed = performance.now();
    reply.raw.once("close", leave);
    done();
  });
  server.addHook("onSend", (_request, reply, payload, done) => {
    if (closing) reply.header("connection", "close");
    done(null, payload);
  });
  server.addHook("preClose", async () => {
    const since = performance.now();
    closing = true;
    if (!server.server.listening) return;
    const timer = setInterval(() => {
      if (underWay === 0 && performance.now() - since > SILENT_MS) server.server.closeAllConnections();
      else server.server.closeIdleConnections();
    }, CHECK_MS);
    timer.unref();
    server.server.once("close", () => clearInterval(timer));
  });

  const isInUse = (since: number): boolean =>
    underWay > 0 || performance.now() - (open > 0 ? Math.max(lastUsed, since) : lastUsed) < SILENT_MS;
  const connections: Connections = {
    isClosing: () => closing,
    async drain() {
      closing = true;
      const since = performance.now();
      while (isInUse(since) && performance.now() - since < DRAIN_MS_MAX) await delay(CHECK_MS);
    },
  };
  connectionsOf.set(server, connections);
  return connections;
}
