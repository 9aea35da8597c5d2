import { ANY_HOST, isAllowedHost } from "./allowed-hosts.ts";
import { EgressError } from "./failure.ts";
import type { Target } from "./target.ts";

/** What proves the caller to the other side: already in the form in which it is sent. */
export type Credential = {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Where it may go, narrower than the request's; default the request's. */
  readonly allowedHosts?: readonly string[] | undefined;
};

/** A credential goes to a named host over TLS only; to a host that an operator listed also without. */
export function assertAudience(target: Target, allowedHosts: readonly string[]): void {
  const named = allowedHosts.filter((host) => host !== ANY_HOST);
  if (!isAllowedHost(target.url.hostname, named)) throw new EgressError("HOST_NOT_ALLOWED", { rule: "HOST" });
  if (!target.isTls && !target.isListed) throw new EgressError("URL_INVALID", { rule: "SCHEME" });
}

/** @returns path and query as they are sent; the credential's parameters replace those of the same name */
export function pathOf(url: URL, credential: Credential | undefined): string {
  const secret = Object.entries(credential?.query ?? {});
  if (secret.length === 0) return `${url.pathname}${url.search}`;
  const names = new Set(secret.map(([name]) => name));
  const kept = url.search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && !names.has(nameOf(pair)));
  const added = secret.map((pair) => pair.map((part) => encoded(part)).join("="));
  return `${url.pathname}?${[...kept, ...added].join("&")}`;
}

/** A server that repeats the credential's parameters in a redirect to somebody else does not spread them. */
export function withoutCredential(url: URL, credential: Credential | undefined): URL {
  const secrets = new Set(Object.values(credential?.query ?? {}));
  if (secrets.size === 0) return url;
  const cleaned = new URL(url);
  const pairs = url.search.slice(1).split("&");
  cleaned.search = pairs
    .filter((pair) => ![...new URLSearchParams(pair).values()].some((value) => secrets.has(value)))
    .join("&");
  return cleaned;
}

function encoded(text: string): string {
  // Half a surrogate pair has no UTF-8.
  if (/\p{Surrogate}/u.test(text)) throw new EgressError("REQUEST_INVALID");
  return encodeURIComponent(text);
}

function nameOf(pair: string): string {
  return [...new URLSearchParams(pair).keys()][0] ?? "";
}
