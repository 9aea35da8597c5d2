import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the range that Linux and macOS hand out for outgoing connections, so that none of those can take a port between the test here and the server's start. */
const FIRST_PORT = 20_000;
const LAST_PORT = 31_999;

/** Whether 127.0.0.1:port can be listened on at this moment. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The preferred port if it is free, else a random free one: two clones that look at the same moment rarely meet. */
export async function findFreePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isPortFree(preferred))) return preferred;
  for (let tries = 0; tries < 1_000; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
}
