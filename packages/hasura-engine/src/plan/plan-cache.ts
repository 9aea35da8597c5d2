import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Operation } from "./plan.ts";

export type PlanCache = {
  get(key: string): Operation | undefined;
  /** Offers a plan that `get` did not know. */
  offer(key: string, operation: Operation): void;
};

/** Plans of documents that came more than once. */
const PLANS_MAX = 1_000;
/** Plans of the newest documents, whether they come again or not. */
const NEWEST_MAX = 50;
/** What came before them is known by its hash, so that coming again is noticed. */
const SEEN_MAX = 10_000;

/**
 * A 2Q cache (Johnson and Shasha, VLDB 1994): documents that come once, such as those with values written into them,
 * neither push out the plans of those that come often nor fill the memory.
 */
export function createPlanCache(): PlanCache {
  const plans = new LRUCache<string, Operation>({ max: PLANS_MAX });
  const seen = new LRUCache<string, true>({ max: SEEN_MAX });
  const newest = new LRUCache<string, Operation>({
    max: NEWEST_MAX,
    dispose(_operation, key, reason) {
      if (reason === "evict") seen.set(hashOf(key), true);
    },
  });
  return {
    get(key) {
      const known = plans.get(key);
      if (known !== undefined) return known;
      const fresh = newest.get(key);
      if (fresh === undefined) return undefined;
      newest.delete(key);
      plans.set(key, fresh);
      return fresh;
    },
    offer(key, operation) {
      if (seen.delete(hashOf(key))) plans.set(key, operation);
      else newest.set(key, operation);
    },
  };
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64");
}
