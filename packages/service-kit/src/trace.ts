import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

export type Trace = { traceparent: string; traceId: string };
type Context = { trace: Trace; requestId: string | undefined };

const storage = new AsyncLocalStorage<Context>();

/** W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header. All-zero ids are not valid. */
export function parseTraceparent(text: string | undefined): Trace | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(text ?? "");
  const [traceparent, traceId, parentId] = match ?? [];
  if (traceparent === undefined || traceId === undefined || parentId === undefined) return undefined;
  return /^0+$/.test(traceId) || /^0+$/.test(parentId) ? undefined : { traceparent, traceId };
}

/** Of random UUIDs, whose bits Node draws many at a time: every request without a trace gets one. */
export function newTraceparent(): string {
  const [trace, parent] = [randomUUID(), randomUUID()];
  const traceId = trace.slice(0, 8) + trace.slice(9, 13) + trace.slice(14, 18) + trace.slice(19, 23) + trace.slice(24);
  return `00-${traceId}-${parent.slice(0, 4)}${parent.slice(24)}-01`;
}

/** Runs work inside the given trace, or inside a new one where none is given or it is malformed. */
export function runWithTrace<T>(traceparent: string | undefined, work: () => T): T {
  return storage.run({ trace: continueTrace(traceparent), requestId: undefined }, work);
}

/** For the rest of the present asynchronous context, as a server hook needs it. */
export function enterRequest(traceparent: string | undefined, requestId: string): void {
  storage.enterWith({ trace: continueTrace(traceparent), requestId });
}

export function currentTrace(): Trace | undefined {
  return storage.getStore()?.trace;
}

export function currentRequestId(): string | undefined {
  return storage.getStore()?.requestId;
}

function continueTrace(traceparent: string | undefined): Trace {
  const given = parseTraceparent(traceparent);
  if (given !== undefined) return given;
  const made = newTraceparent();
  return { traceparent: made, traceId: made.slice(3, 35) };
}
