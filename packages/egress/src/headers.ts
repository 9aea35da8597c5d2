import { EgressError } from "./failure.ts";

export type Headers = Readonly<Record<string, string>>;

const COUNT_MAX = 100;
const BYTES_MAX = 32 * 1024;
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;
/** They belong to the connection, and a second `host` would name another server than the one that was judged. */
const OWN = /^(connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/;
/** A header of any other name may be a credential. */
const KEPT_ACROSS_ORIGINS = [
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "idempotency-key",
  "traceparent",
  "user-agent",
];

const DEFAULTS: Headers = { accept: "*/*", "accept-encoding": "identity", "user-agent": "control-plane" };

/** Lower-case names; later headers win. Fails with REQUEST_INVALID for what cannot be sent. */
export function outgoingHeaders(...given: readonly Headers[]): Headers {
  const entries = given.flatMap((headers) =>
    Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
  );
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  const isSound = entries.every(([name, value]) => NAME.test(name) && !OWN.test(name) && VALUE.test(value));
  if (!isSound || entries.length > COUNT_MAX || bytes > BYTES_MAX) throw new EgressError("REQUEST_INVALID");
  // A blank around a value is no part of it.
  const bare = entries.map(([name, value]) => [name, value.trim()] as const);
  return Object.fromEntries([...Object.entries(DEFAULTS), ...bare]);
}

export function headersForOtherOrigin(headers: Headers): Headers {
  return pick(headers, (name) => KEPT_ACROSS_ORIGINS.includes(name));
}

export function headersWithoutBody(headers: Headers): Headers {
  return pick(headers, (name) => !name.startsWith("content-"));
}

function pick(headers: Headers, keeps: (lowerCaseName: string) => boolean): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => keeps(name.toLowerCase())));
}
