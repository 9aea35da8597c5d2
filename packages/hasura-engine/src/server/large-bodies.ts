import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HasuraError } from "../hasura-error.ts";
import { isGone } from "./request-facts.ts";

export type LargeBodies = {
  /** A body whose length is not told counts as this. */
  readonly bodyBytesMax: number;
  /** Of all large bodies whose requests are not answered yet; parsed, they take many times that. */
  readonly bytesMax: number;
  readonly waitMs: number;
};

/** Shorter bodies never wait. */
const LARGE_BYTES = 64 * 1024;

type Waiting = { readonly bytes: number; readonly admit: () => void };

/** Requests with large bodies are read a few at a time; the others wait unread, and are refused when that takes long. */
export function registerLargeBodies(server: FastifyInstance, { bodyBytesMax, bytesMax, waitMs }: LargeBodies): void {
  const waiting = new Set<Waiting>();
  let held = 0;

  const admitWaiting = (): void => {
    for (const next of waiting) {
      if (held + next.bytes > bytesMax) return;
      waiting.delete(next);
      next.admit();
    }
  };
  const hold = (reply: FastifyReply, bytes: number): void => {
    held += bytes;
    reply.raw.once("close", () => {
      held -= bytes;
      admitWaiting();
    });
  };
  const wait = (reply: FastifyReply, bytes: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        reply.raw.off("close", leave);
        waiting.delete(own);
      };
      const refuse = (message: string): void => {
        end();
        reject(new HasuraError("bad-request", message));
        admitWaiting();
      };
      const leave = (): void => refuse("the client has gone away");
      const own: Waiting = {
        bytes,
        admit() {
          end();
          hold(reply, bytes);
          resolve();
        },
      };
      const timer = setTimeout(refuse, waitMs, "too many requests with large bodies at the same time");
      reply.raw.once("close", leave);
      waiting.add(own);
    });

  server.addHook("preParsing", (request, reply, payload, done) => {
    const bytes = Math.min(lengthOf(request) ?? bodyBytesMax, bodyBytesMax);
    if (bytes <= LARGE_BYTES || isGone(reply)) return done(null, payload);
    if (waiting.size > 0 || held + bytes > bytesMax)
      return void wait(reply, bytes).then(() => done(null, payload), done);
    hold(reply, bytes);
    done(null, payload);
  });
}

/** Undefined for a body that is sent in chunks. */
function lengthOf({ headers }: FastifyRequest): number | undefined {
  if (headers["transfer-encoding"] !== undefined) return undefined;
  return Number(headers["content-length"] ?? 0);
}
