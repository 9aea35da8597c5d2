import type { Logger } from "@control-plane/service-kit";

/** What is done after the answer is sent, so that its time tells a client nothing. */
export type BackgroundWork = {
  start(what: string, work: () => Promise<void>): void;
  /** When everything that was started has ended. */
  settled(): Promise<void>;
};

/** More than this many at once are not started: a flood must not fill the memory. */
const AT_ONCE_MAX = 1_000;

export function createBackgroundWork(log: Logger): BackgroundWork {
  const running = new Set<Promise<void>>();
  return {
    start(what, work) {
      if (running.size >= AT_ONCE_MAX) {
        log.warn({ what }, "too much work waits for its turn; this is left out");
        return;
      }
      const done = afterThisTurn()
        .then(work)
        .catch((error: unknown) => log.warn({ err: error, what }, "work in the background failed"))
        .finally(() => running.delete(done));
      running.add(done);
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** An answer leaves in the same turn of the event loop as the decision about it. */
function afterThisTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
