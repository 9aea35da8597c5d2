import type { FastifyReply, FastifyRequest } from "fastify";
import { type Caller, createCaller } from "../session/caller.ts";

/** Lower-case names; repeated headers joined as HTTP allows. */
export function headerMap(headers: FastifyRequest["headers"]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value);
  }
  return map;
}

/** The client went away before it was answered. */
export function isGone({ raw }: FastifyReply): boolean {
  return raw.destroyed && !raw.writableFinished;
}

/** Calls `end` once the answer is sent, or the client gone. */
export function untilAnswered(reply: FastifyReply, end: () => void): void {
  if (isGone(reply)) end();
  else reply.raw.once("close", end);
}

/** The client of a request. `onClose` is called once it is answered, or gone. */
export function callerOf(reply: FastifyReply, onClose: () => void): Caller {
  const caller = createCaller(() => isGone(reply));
  reply.raw.once("close", () => {
    if (isGone(reply)) caller.goes();
    onClose();
  });
  return caller;
}

/** Bodies are read as text, so that numbers keep their digits. */
export function bodyText(request: FastifyRequest): string {
  return typeof request.body === "string" ? request.body : "";
}
