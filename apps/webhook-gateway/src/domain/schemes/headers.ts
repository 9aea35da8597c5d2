import type { ReceivedRequest } from "./scheme.ts";

type HeaderProblem = "HEADER_MISSING" | "HEADER_AMBIGUOUS";

/** Reads headers that are all needed; the first that is absent, empty or sent twice refuses the request. */
export function neededHeaders(
  request: ReceivedRequest,
  names: readonly string[],
): { valueOf(name: string): string } | { reason: HeaderProblem } {
  const values = new Map<string, string>();
  for (const name of names) {
    const header = singleHeader(request, name);
    if ("reason" in header) return header;
    values.set(name, header.value);
  }
  return { valueOf: (name) => values.get(name) ?? "" };
}

function singleHeader(request: ReceivedRequest, name: string): { value: string } | { reason: HeaderProblem } {
  const isNamed = ([key]: readonly [string, string]): boolean => key === name;
  const first = request.headers.findIndex(isNamed);
  const value = request.headers[first]?.[1];
  if (value === undefined || value === "") return { reason: "HEADER_MISSING" };
  return request.headers.findLastIndex(isNamed) > first ? { reason: "HEADER_AMBIGUOUS" } : { value };
}

/** Undefined unless the header came exactly once: of two ids neither is the id. */
export function optionalHeader(request: ReceivedRequest, name: string): string | undefined {
  const header = singleHeader(request, name);
  return "value" in header ? header.value : undefined;
}

/** What was signed are bytes as sent; Node reads those of headers as Latin-1. */
export function headerBytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
