import type { Queryable } from "@control-plane/db";
import { LRUCache } from "lru-cache";
import { findTriggerByPath, type TriggerLookup } from "../store/triggers.ts";

/** What is changed by hand takes effect on every replica within this time, without any channel between them. */
export const LOOKUP_FRESH_MS = 1_000;
const ENTRIES_MAX = 20_000;

/** 128 random bits as base64url; anything else is no address of ours. */
const PATH_PATTERN = /^[A-Za-z0-9_-]{22}$/;

export type FindTrigger = (webhookPath: string) => Promise<TriggerLookup>;

/** Looks triggers up with a cache of one second, absent ones too; requests that meet share one query. */
export function createTriggerLookup(db: Queryable): FindTrigger {
  const cache = new LRUCache<string, Promise<TriggerLookup>>({
    max: ENTRIES_MAX,
    ttl: LOOKUP_FRESH_MS,
    ttlResolution: 0,
  });
  return async (webhookPath) => {
    if (!PATH_PATTERN.test(webhookPath)) return { kind: "unknown" };
    const known = cache.get(webhookPath);
    if (known !== undefined) return known;
    const found = findTriggerByPath(db, webhookPath);
    cache.set(webhookPath, found);
    // A failed look-up must not be remembered; the caller of this request sees the failure itself.
    found.catch(() => cache.delete(webhookPath));
    return found;
  };
}
