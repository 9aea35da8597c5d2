import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Below the range that Linux and macOS hand out for outgoing connections, so that none of those can take a port between the test here and the server's start. */
const FIRST_PORT = 20_000;
const LAST_PORT = 31_999;

/** A port that nobody else who asks this way gets, until it is released or this process ends. */
export type PortReservation = { port: number; release(): void };

/** Whether 127.0.0.1:port can be listened on at this moment, and nobody has reserved it. */
export async function isPortFree(port: number): Promise<boolean> {
  const reservation = await tryToReserve(port);
  reservation?.release();
  return reservation !== undefined;
}

/** Whether a server listens on 127.0.0.1:port. */
export function isPortTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(true));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}

/** The preferred port if it is free, else a random free one. */
export async function findFreePort(preferred?: number): Promise<number> {
  const reservation = await reservePort(preferred);
  reservation.release();
  return reservation.port;
}

/**
 * Like {@link findFreePort}, and held: of two clones that look at the same moment one gets the port, the other the next.
 * Programs that do not ask here may still take it, so whoever starts a server on it has to notice that.
 */
export async function reservePort(preferred?: number): Promise<PortReservation> {
  const wished = preferred === undefined ? undefined : await tryToReserve(preferred);
  if (wished !== undefined) return wished;
  for (let tries = 0; tries < 1_000; tries++) {
    const reservation = await tryToReserve(randomInt(FIRST_PORT, LAST_PORT + 1));
    if (reservation !== undefined) return reservation;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** The reservation is the UDP port of the same number: our servers speak TCP, and the kernel gives it back whatever ends us. */
async function tryToReserve(port: number): Promise<PortReservation | undefined> {
  const socket = createSocket("udp4");
  const bound = await new Promise<boolean>((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind({ address: "127.0.0.1", port, exclusive: true }, () => resolve(true));
  });
  const release = (): void => {
    socket.close();
  };
  if (bound && !(await isPortTaken(port))) {
    socket.unref();
    return { port, release };
  }
  release();
  return undefined;
}
