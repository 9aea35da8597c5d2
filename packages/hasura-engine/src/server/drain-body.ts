import type { IncomingMessage } from "node:http";

const DRAINED_BYTES_MAX = 16 * 1024 * 1024;
const DRAINED_MS_MAX = 2_000;

/**
 * Takes in what a client still sends of a body that is refused already: the connection would break under his writing,
 * and the answer be lost with it. Who sends on beyond the bounds is cut off.
 */
export function drainBody(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    const end = (): void => {
      clearTimeout(timer);
      request.off("data", count);
      request.off("close", end);
      resolve();
    };
    const count = (chunk: Buffer | string): void => {
      bytes += chunk.length;
      if (bytes > DRAINED_BYTES_MAX) end();
    };
    const timer = setTimeout(end, DRAINED_MS_MAX);
    request.on("data", count);
    request.once("end", end);
    request.once("close", end);
    request.resume();
  });
}
