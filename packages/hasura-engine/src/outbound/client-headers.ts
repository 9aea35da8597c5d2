import type { HeaderSetting } from "../model/model.ts";

/** Client headers that describe the client's own connection; Hasura never forwards them. */
const IGNORED_HEADERS = [
  "Content-Length",
  "Content-MD5",
  "User-Agent",
  "Host",
  "Origin",
  "Referer",
  "Accept",
  "Accept-Encoding",
  "Accept-Language",
  "Accept-Datetime",
  "Cache-Control",
  "Connection",
  "DNT",
  "Content-Type",
];
/** Hop-by-hop headers of RFC 9110, which an HTTP client must not copy, and what it cannot undo in an answer. */
const HOP_HEADERS = [
  "connection",
  "transfer-encoding",
  "accept-encoding",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
];

const FORWARDED_AS = [
  ["host", "X-Forwarded-Host"],
  ["user-agent", "X-Forwarded-User-Agent"],
  ["origin", "X-Forwarded-Origin"],
] as const;

/** Client headers that may be sent on. `ignored` replaces the default list; `x-hasura-*` never passes. */
export function forwardableHeaders(
  clientHeaders: ReadonlyMap<string, string>,
  ignored: readonly string[] = IGNORED_HEADERS,
): HeaderSetting[] {
  const dropped = new Set([...ignored.map((name) => name.toLowerCase()), ...HOP_HEADERS, "content-length"]);
  const kept = [...clientHeaders]
    .filter(([name]) => !dropped.has(name) && !name.startsWith("x-hasura-"))
    .map(([name, value]) => ({ name, value }));
  const added = FORWARDED_AS.flatMap(([from, name]) => {
    const value = clientHeaders.get(from);
    return value === undefined ? [] : [{ name, value }];
  });
  return [...kept, ...added];
}
