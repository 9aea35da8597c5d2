/** Deliveries under way. */
export type RunningSet = {
  size(): number;
  /** Aborted when a stop no longer waits. */
  readonly signal: AbortSignal;
  add(work: Promise<void>): void;
  /** Waits for what is under way, at most 5 s; then aborts it and waits for its clean-up. */
  finish(): Promise<void>;
};

/** How long a stop waits for answers; below the deadline of the process. */
const STOP_GRACE_MS = 5_000;

export function createRunningSet(): RunningSet {
  const running = new Set<Promise<void>>();
  const controller = new AbortController();
  return {
    size: () => running.size,
    signal: controller.signal,
    add(work) {
      running.add(work);
      void work.finally(() => running.delete(work));
    },
    async finish() {
      const timer = setTimeout(() => controller.abort(), STOP_GRACE_MS);
      await Promise.all(running);
      clearTimeout(timer);
    },
  };
}
