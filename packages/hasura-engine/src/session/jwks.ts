import { fetch } from "undici";
import { TIMER_MS_MAX } from "../limits.ts";
import { readKeySet, type VerificationKey } from "./key-set.ts";

/** Keys fetched from `jwk_url`. */
export type Jwks = { find(kid: string): VerificationKey | undefined; close(): void };

export type JwksOptions = {
  readonly url: string;
  /** Attempts of the first fetch; the start fails after the last. */
  readonly attempts?: number;
  /** Wait before the second attempt, doubled each time. */
  readonly retryDelayMs?: number;
  readonly onError?: (error: unknown) => void;
};

const DOCUMENT_BYTES_MAX = 1024 * 1024;
const FETCH_TIMEOUT_MS = 10_000;
const RETRY_DELAY_MS_MAX = 60_000;

/**
 * Fetches the keys at once and again only when the answer's `Cache-Control: max-age` or `Expires` has passed, as Hasura
 * does: without such a header never, and an unknown `kid` triggers nothing. A failed refresh keeps the old keys.
 */
export async function openJwks(options: JwksOptions): Promise<Jwks> {
  const firstDelayMs = options.retryDelayMs ?? 1000;
  const closing = new AbortController();
  let { keys, freshForMs } = await fetchFirst(options.url, options.attempts ?? 5, firstDelayMs);
  let timer: NodeJS.Timeout | undefined;

  const schedule = (delayMs: number | undefined, retryDelayMs: number): void => {
    if (delayMs === undefined || closing.signal.aborted) return;
    timer = setTimeout(() => void refresh(retryDelayMs), Math.min(delayMs, TIMER_MS_MAX));
    timer.unref();
  };
  const refresh = async (retryDelayMs: number): Promise<void> => {
    try {
      ({ keys, freshForMs } = await fetchKeys(options.url, closing.signal));
      schedule(freshForMs, firstDelayMs);
    } catch (error) {
      if (closing.signal.aborted) return;
      options.onError?.(error);
      schedule(retryDelayMs, Math.min(retryDelayMs * 2, RETRY_DELAY_MS_MAX));
    }
  };
  schedule(freshForMs, firstDelayMs);

  return {
    find: (kid) => keys.get(kid),
    close() {
      closing.abort();
      clearTimeout(timer);
    },
  };
}

type Fetched = { keys: ReadonlyMap<string, VerificationKey>; freshForMs: number | undefined };

async function fetchFirst(url: string, attempts: number, delayMs: number): Promise<Fetched> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchKeys(url, undefined);
    } catch (error) {
      if (attempt >= attempts) throw new Error(`the keys at ${url} cannot be read`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, delayMs * 2 ** (attempt - 1)));
    }
  }
}

async function fetchKeys(url: string, closing: AbortSignal | undefined): Promise<Fetched> {
  const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const signal = closing === undefined ? timeout : AbortSignal.any([timeout, closing]);
  const answer = await fetch(url, { signal, headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`the keys were answered with status ${answer.status}`);
  const text = await answer.text();
  if (text.length > DOCUMENT_BYTES_MAX) throw new Error("the key document is too large");
  const keys = readKeySet(JSON.parse(text));
  if (keys.size === 0) throw new Error("the key document holds no usable key");
  return { keys, freshForMs: freshnessMs(answer.headers.get("cache-control"), answer.headers.get("expires")) };
}

/** At least one second, so that `max-age=0` does not become a busy loop. */
function freshnessMs(cacheControl: string | null, expires: string | null): number | undefined {
  const seconds = /(?:^|[\s,])(?:s-)?max-?age\s*=\s*"?(\d{1,9})/i.exec(cacheControl ?? "")?.[1];
  if (seconds !== undefined) return Math.max(Number(seconds) * 1000, 1000);
  const until = expires === null ? Number.NaN : Date.parse(expires);
  return Number.isNaN(until) ? undefined : Math.max(until - Date.now(), 1000);
}
