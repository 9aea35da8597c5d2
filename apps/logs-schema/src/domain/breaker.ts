const FAILURES_MAX = 5;
const OPEN_MS = 10_000;

/**
 * After five requests in a row that found a store gone a breaker says "do not try" for 10 s, so that an outage costs no time
 * per request.
 */
export type Breaker = { isOpen(): boolean; succeeded(): void; failed(): void };

export function createBreaker(now: () => number): Breaker {
  let failures = 0;
  let openUntil = 0;
  return {
    isOpen: () => now() < openUntil,
    succeeded() {
      failures = 0;
    },
    failed() {
      failures += 1;
      if (failures < FAILURES_MAX) return;
      failures = 0;
      openUntil = now() + OPEN_MS;
    },
  };
}

/** The breaker as one request sees it: however many of its pages fail, it is one failure. */
export function perRequest(breaker: Breaker): Breaker {
  let hasFailed = false;
  return {
    isOpen: breaker.isOpen,
    succeeded: breaker.succeeded,
    failed() {
      if (hasFailed) return;
      hasFailed = true;
      breaker.failed();
    },
  };
}
