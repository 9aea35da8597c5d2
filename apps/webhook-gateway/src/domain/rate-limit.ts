type Bucket = { tokens: number; at: number };

/** More buckets than this are not kept: the oldest go first, which lets a flood of new names through rather than fill the memory. */
const BUCKETS_MAX = 50_000;
const WINDOW_MS = 10_000;

export type RateLimit = { /** Undefined = allowed; else the seconds to wait. */ take(key: string): number | undefined };

/** Token buckets in this process's memory: `perWindow` requests per 10 s and key, refilled steadily. 0 switches off. */
export function createRateLimit(perWindow: number, now: () => number = performance.now.bind(performance)): RateLimit {
  const buckets = new Map<string, Bucket>();
  return {
    take(key) {
      if (perWindow === 0) return undefined;
      const at = now();
      const known = buckets.get(key);
      const tokens =
        known === undefined ? perWindow : Math.min(perWindow, known.tokens + ((at - known.at) * perWindow) / WINDOW_MS);
      buckets.delete(key);
      buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at });
      if (buckets.size > BUCKETS_MAX) dropOldest(buckets);
      return tokens >= 1 ? undefined : Math.max(1, Math.ceil(((1 - tokens) * WINDOW_MS) / perWindow / 1000));
    },
  };
}

function dropOldest(buckets: Map<string, Bucket>): void {
  const oldest = buckets.keys().next();
  if (oldest.done !== true) buckets.delete(oldest.value);
}
