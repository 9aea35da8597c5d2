import type { RejectionCount } from "../store/triggers.ts";

export type Rejections = {
  count(triggerId: string, reason: string): void;
  /** Writes what was counted since the last time; kept for the next time when that fails. */
  flush(): Promise<void>;
};

/** Refusals are counted in memory and written now and then, so that a flood of bad requests costs no write each. */
export function createRejections(write: (counts: readonly RejectionCount[]) => Promise<void>): Rejections {
  let counts = new Map<string, RejectionCount>();
  const add = (triggerId: string, count: number, reason: string): void => {
    const known = counts.get(triggerId);
    counts.set(triggerId, { triggerId, count: (known?.count ?? 0) + count, reason });
  };
  return {
    count: (triggerId, reason) => add(triggerId, 1, reason),
    async flush() {
      const batch = [...counts.values()];
      if (batch.length === 0) return;
      counts = new Map();
      try {
        await write(batch);
      } catch (error) {
        for (const { triggerId, count, reason } of batch) add(triggerId, count, reason);
        throw error;
      }
    },
  };
}
