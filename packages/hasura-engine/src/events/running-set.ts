/** Deliveries under way. */
export type RunningSet = {
  size(): number;
  /** Aborted when a stop no longer waits. */
  readonly signal: AbortSignal;
  add(work: Promise<void>): void;
  /** Waits for what is under way, at most `graceMs`; then aborts it and waits for its clean-up. */
  finish(graceMs: number): Promise<void>;
};

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
    async finish(graceMs) {
      const timer = setTimeout(() => controller.abort(), graceMs);
      await Promise.all(running);
      clearTimeout(timer);
    },
  };
}
