import { createHash } from "node:crypto";
import { inTime } from "./in-time.ts";
import { createRateWindow } from "./rate-window.ts";

/** Where replicas count together; each call rejects while the store is away. */
export type RateStore = {
  /** 0: counted. Else milliseconds until the oldest of `limit` leaves the window. */
  take(key: string, limit: number, windowMs: number): Promise<number>;
  giveBack(key: string): Promise<void>;
};

/** A window that all replicas share. */
export type SharedRateWindow = {
  /** Counts one. Seconds to wait, when the subject is at its limit and nothing was counted. */
  take(subject: string): Promise<number | undefined>;
  /** Takes the latest count back. */
  giveBack(subject: string): Promise<void>;
};

/** Longest that a request waits for the store, and how long it is not asked again after it failed. */
const ANSWER_MS_MAX = 300;
const LEFT_ALONE_MS = 1_000;

/**
 * Makes windows over one store. Each process also counts for itself, with the same numbers: what it counted is still
 * there when the store goes away, so a limit is then never lifted and never shut for everybody. Without a store that is
 * all there is. The store sees subjects as their SHA-256 only.
 */
export function createSharedRateWindows(
  store: RateStore | undefined,
): (name: string, limit: number, windowMs: number) => SharedRateWindow {
  const ask = askWhileThere();
  return (name, limit, windowMs) => {
    const own = createRateWindow(limit, windowMs);
    const keyOf = (subject: string): string => `${name}:${createHash("sha256").update(subject).digest("base64url")}`;
    return {
      async take(subject) {
        const wait = own.take(subject);
        if (wait !== undefined || store === undefined || limit === 0) return wait;
        const waitMs = await ask(() => store.take(keyOf(subject), limit, windowMs));
        if (waitMs === undefined || waitMs === 0) return undefined;
        own.giveBack(subject);
        return Math.ceil(waitMs / 1000);
      },
      async giveBack(subject) {
        own.giveBack(subject);
        if (store !== undefined && limit !== 0) await ask(() => store.giveBack(keyOf(subject)));
      },
    };
  };
}

/** Undefined while the store is away. After a failure it is left alone for a moment, so that not every request waits for it. */
function askWhileThere(): <T>(question: () => Promise<T>) => Promise<T | undefined> {
  let leftAloneUntil = 0;
  return async (question) => {
    if (performance.now() < leftAloneUntil) return undefined;
    try {
      return await inTime(question(), ANSWER_MS_MAX);
    } catch {
      leftAloneUntil = performance.now() + LEFT_ALONE_MS;
      return undefined;
    }
  };
}
