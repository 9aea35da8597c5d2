import { keptText } from "./kept-text.ts";
import type { ReceivedRequest, Receiver } from "./schemes/scheme.ts";

/** Kept for every scheme; a scheme names its own besides. */
const ALWAYS_KEPT = ["content-type", "user-agent"];
const VALUE_LENGTH_MAX = 1_000;

/** What of a request's headers is kept with the delivery: never a signature, a cookie or an authorization. */
export function recordedHeaders(request: ReceivedRequest, receiver: Receiver): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headers) {
    const isKept = ALWAYS_KEPT.includes(name) || receiver.headersKept.includes(name);
    if (isKept && !receiver.headersRedacted.includes(name)) headers[name] = keptText(value, VALUE_LENGTH_MAX);
  }
  return headers;
}
