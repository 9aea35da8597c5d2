import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { AppError } from "./errors.ts";
import { readJson } from "./read-json.ts";

/** How long a sender of a refused body may go on sending it. */
const REST_MS_MAX = 10_000;

/** Every route takes its JSON through the one reader, and the framework's own, which knows keys it refuses, takes none. */
export function readJsonBodies(server: FastifyInstance): void {
  server.removeContentTypeParser("application/json");
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_request: unknown, body: Buffer) => {
    try {
      return readJson(body);
    } catch (cause) {
      throw new AppError("BAD_INPUT", "the body is not JSON in UTF-8", { cause });
    }
  });
}

/** Reads the rest of a body that was refused and throws it away: cutting the connection would take the answer with it. */
export function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.destroy(), REST_MS_MAX);
  request.once("close", () => clearTimeout(timer));
  request.resume();
}
