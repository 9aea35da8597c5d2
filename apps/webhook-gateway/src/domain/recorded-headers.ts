/** What of a request's headers is kept with the delivery: never a signature, a cookie or an authorization. */
const RECORDED: ReadonlySet<string> = new Set(["content-type", "user-agent", "webhook-id", "webhook-timestamp"]);
const VALUE_LENGTH_MAX = 1_000;

export function recordedHeaders(headers: readonly (readonly [name: string, value: string])[]): Record<string, string> {
  const kept = headers
    .filter(([name]) => RECORDED.has(name))
    .map(([name, value]) => [name, printable(value).slice(0, VALUE_LENGTH_MAX)] as const);
  return Object.fromEntries(kept);
}

/** Header bytes beyond ASCII arrive as Latin-1; a NUL would not be storable. */
function printable(value: string): string {
  return value.replaceAll("\0", "");
}
