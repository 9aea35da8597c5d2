import { EventEmitter, once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { drainConnections } from "../src/end-connections.ts";
import { createLogger, createMetrics, createServer } from "../src/index.ts";

type Held = { app: FastifyInstance; port: number; entered: Promise<unknown>; release: () => void };

/** A server with one route that answers when it is told to. */
async function start(): Promise<Held> {
  const app = await createServer({
    service: "test",
    log: createLogger({ service: "test", level: "silent" }),
    metrics: createMetrics("test"),
    ready: {},
  });
  const gate = new EventEmitter();
  const entered = once(gate, "entered");
  const released = once(gate, "released");
  app.get("/held", async () => {
    gate.emit("entered");
    await released;
    return { done: true };
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return { app, port: address.port, entered, release: () => gate.emit("released") };
}

function get(port: number, path: string, agent: Agent) {
  return new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, agent }, (reply) => {
      reply.resume();
      reply.once("end", () => resolve({ status: reply.statusCode, connection: reply.headers.connection }));
    })
      .once("error", reject)
      .end();
  });
}

test("a close waits for the request under way, answers it and ends its kept-alive connection", async () => {
  const { app, port, entered, release } = await start();
  const agent = new Agent({ keepAlive: true });
  const answer = get(port, "/held", agent);
  await entered;

  const closed = app.close();
  await expect.poll(() => app.server.listening).toBe(false);
  release();

  expect(await answer).toEqual({ status: 200, connection: "close" });
  await closed;
  agent.destroy();
});

test("a connection that never asked for anything does not hold up a close", async () => {
  const { app, port } = await start();
  const silent = connect({ host: "127.0.0.1", port });
  await once(silent, "connect");

  await app.close();

  if (!silent.closed) await once(silent, "close");
  expect(silent.closed).toBe(true);
});

test("while it closes, an open connection may still end its request", async () => {
  const { app, port } = await start();
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  socket.write("GET /live HTTP/1.1\r\nhost: test\r\n");
  const closed = app.close();

  socket.write("\r\n");
  let text = "";
  for await (const chunk of socket) text += String(chunk);

  expect(text).toMatch(/^HTTP\/1\.1 200 /);
  expect(text).toMatch(/^connection: close\r$/im);
  await closed;
});

test("a drain tells each connection that is used to go elsewhere, and takes requests until they have", async () => {
  const { app, port } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect((await get(port, "/live", agent)).connection).toBe("keep-alive");

  const drained = drainConnections(app);
  const said = [await get(port, "/live", agent), await get(port, "/ready", agent)];
  await drained;

  expect(said).toEqual([
    { status: 200, connection: "close" },
    { status: 503, connection: "close" },
  ]);
  expect(app.server.listening).toBe(true);
  await app.close();
  agent.destroy();
});

test("a drain waits for those who heard good-bye and come again by a new connection", async () => {
  const { app, port } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await get(port, "/live", agent);

  const drained = drainConnections(app);
  const lastSentAt = performance.now();
  expect((await get(port, "/live", agent)).connection).toBe("close");
  await expect.poll(() => connectionsOf(app)).toBe(0);
  await drained;

  // By the same clock as the server's; a second less what timers round.
  expect(performance.now() - lastSentAt).toBeGreaterThan(900);
  await app.close();
  agent.destroy();
});

function connectionsOf(app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}
