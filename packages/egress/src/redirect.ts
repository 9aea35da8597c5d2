import { type Credential, withoutCredential } from "./credential.ts";
import { headersForOtherOrigin, headersWithoutBody } from "./headers.ts";
import { parseUrl } from "./target.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

/** One request of a chain of redirects. */
export type Hop = {
  readonly url: URL;
  readonly method: Method;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  /** Absent once a redirect has led to another origin. */
  readonly credential: Credential | undefined;
};

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** @returns undefined for an answer that is not a redirect, or one that does not say where to */
export function locationOf(head: { status: number; headers: Readonly<Record<string, string>> }): string | undefined {
  return REDIRECTS.includes(head.status) ? head.headers["location"] : undefined;
}

/**
 * 303 asks for a GET (a HEAD stays one); every other redirect keeps method and body, which browsers do not do after 301
 * and 302, but a POST that silently becomes a GET would look like success.
 */
export function redirected(hop: Hop, status: number, location: string): Hop {
  const url = parseUrl(location, { base: hop.url });
  const isSameOrigin = url.origin === hop.url.origin;
  const moved = isSameOrigin
    ? { ...hop, url }
    : {
        ...hop,
        url: withoutCredential(url, hop.credential),
        headers: headersForOtherOrigin(hop.headers),
        credential: undefined,
      };
  if (status !== 303) return moved;
  const method = hop.method === "HEAD" ? "HEAD" : "GET";
  return { ...moved, method, headers: headersWithoutBody(moved.headers), body: undefined };
}
