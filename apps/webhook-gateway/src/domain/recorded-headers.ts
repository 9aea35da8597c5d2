import { keptText } from "./kept-text.ts";
import type { ReceivedRequest, Receiver } from "./schemes/scheme.ts";

/** Kept for every scheme; a scheme names its own besides. */
const ALWAYS_KEPT = ["content-type", "user-agent"];
const VALUE_LENGTH_MAX = 1_000;

/** What of a request's headers is kept with the delivery: never a signature, a cookie or an authorization. */
export function recordedHeaders(request: ReceivedRequest, receiver: Receiver): Record<string, string> {
  const kept = new Set([...ALWAYS_KEPT, ...receiver.headersKept]);
  for (const name of receiver.headersRedacted) kept.delete(name);
  const headers = request.headers
    .filter(([name]) => kept.has(name))
    .map(([name, value]) => [name, keptText(value, VALUE_LENGTH_MAX)] as const);
  return Object.fromEntries(headers);
}
