import { assertAudience, type Credential, pathOf } from "./credential.ts";
import { createDial, type Dial } from "./dial.ts";
import type { EgressAllow } from "./egress-allow.ts";
import { type Answer, exchange, readBody } from "./exchange.ts";
import { EgressError, type Failure, failureOf } from "./failure.ts";
import { outgoingHeaders } from "./headers.ts";
import { type Hop, locationOf, type Method, redirected } from "./redirect.ts";
import { createResolve, type Resolve } from "./resolve.ts";
import { judgeTarget, parseUrl } from "./target.ts";

export type EgressRequest = {
  readonly method: Method;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Where the URL may lead: lower-case names, `*.suffix`, or `*`, which no credential goes to. */
  readonly allowedHosts: readonly string[];
  readonly credential?: Credential | undefined;
  /** For everything together, redirects included; default 10,000. */
  readonly totalMs?: number | undefined;
  /** Default 64 KiB. */
  readonly answerBytesMax?: number | undefined;
  /** Default 3. 0 for a request whose body is a secret: a redirect may repeat the body elsewhere. */
  readonly redirectsMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** `url` is where the answer came from; it never holds the credential. */
export type Answered = { readonly outcome: "answered"; readonly url: string; readonly hop: number } & Answer;

export type Egress = {
  /** Rejects only when `request.signal` is aborted; a failing outside world is an outcome. */
  send(request: EgressRequest): Promise<Answered | Failure>;
};

export type EgressDeps = {
  readonly allow: EgressAllow;
  readonly resolve?: Resolve;
  readonly dial?: Dial;
  /** Default 80, 443, 8443. */
  readonly ports?: readonly number[];
};

const TOTAL_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024;
const REDIRECTS_MAX = 3;

/** The one way out for calls that tenants choose. */
export function createEgress(given: EgressDeps): Egress {
  const deps = { resolve: createResolve(), dial: createDial(), ...given };
  return {
    async send(request) {
      const deadline = AbortSignal.timeout(request.totalMs ?? TOTAL_MS);
      const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
      const progress = { hop: 0 };
      try {
        return await follow(deps, request, signal, progress);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (deadline.aborted) return failureOf(new EgressError("TIMEOUT"), progress.hop);
        if (error instanceof EgressError) return failureOf(error, progress.hop);
        throw error;
      }
    },
  };
}

async function follow(
  deps: Required<Pick<EgressDeps, "allow" | "resolve" | "dial">> & Pick<EgressDeps, "ports">,
  request: EgressRequest,
  signal: AbortSignal,
  progress: { hop: number },
): Promise<Answered> {
  let hop = firstHop(request);
  for (;;) {
    const target = await judgeTarget(deps, hop.url, signal);
    if (hop.credential !== undefined) {
      assertAudience(target, hop.credential.allowedHosts ?? request.allowedHosts);
    }
    const outgoing = {
      method: hop.method,
      path: pathOf(hop.url, hop.credential),
      headers: outgoingHeaders(hop.headers, hop.credential?.headers ?? {}),
      body: hop.body,
    };
    const socket = await deps.dial(target, signal);
    const result = await exchange(socket, target, outgoing, signal, async (head) => {
      const location = locationOf(head);
      if (location !== undefined) return { outcome: "moved" as const, status: head.status, location };
      return { outcome: "answered" as const, ...(await readBody(head, request.answerBytesMax ?? ANSWER_BYTES_MAX)) };
    });
    if (result.outcome === "answered") return { ...result, url: hop.url.href, hop: progress.hop };
    progress.hop += 1;
    if (progress.hop > (request.redirectsMax ?? REDIRECTS_MAX)) throw new EgressError("TOO_MANY_REDIRECTS");
    hop = redirected(hop, result.status, result.location);
  }
}

function firstHop(request: EgressRequest): Hop {
  const url = parseUrl(request.url, request);
  const { method, headers = {}, body, credential } = request;
  return { url, method, headers, body, credential };
}
