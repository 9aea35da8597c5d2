/**
 * How many rows may be QUEUED at once. Jobs leave the queue in the order in which they came, so what lies there is out of
 * reach of the dispatcher's fairness: it should be no more than runners take until the next pass.
 */
export type DispatchWindow = {
  size(): number;
  /** Whether the last pass left no room, so that a claim makes some. */
  isFull(): boolean;
  /**
   * Whether a run may wait for the slot of one that ends. False after a pass that left no due run; from the beginning of
   * the next pass on nobody knows, so that an end that the pass does not see is not passed over.
   */
  mayBeWaitedFor(): boolean;
  /** A pass begins. */
  look(): void;
  /** What a pass under this window met and did; `waiting`: it left runs that are due. */
  learn(pass: { queuedBefore: number; queued: number; waiting: boolean }): void;
};

/** Enough for a pass to be worth its cost, and for runners that come back to find something. */
const SIZE_MIN = 8;

/**
 * Follows what runners take: where they emptied a full window before the next pass, it doubles; while more than half of it
 * lies there still, it shrinks. So it is right for ten slow runners and for a hundred fast ones, with any number of
 * orchestrators, and needs to know neither.
 */
export function createDispatchWindow(sizeMax: number): DispatchWindow {
  const sizeMin = Math.min(SIZE_MIN, sizeMax);
  let size = sizeMin;
  let full = false;
  let waitedFor = true;
  return {
    size: () => size,
    isFull: () => full,
    mayBeWaitedFor: () => waitedFor,
    look() {
      waitedFor = true;
    },
    learn({ queuedBefore, queued, waiting }) {
      const filled = queuedBefore + queued >= size;
      if (full && queuedBefore === 0) size = Math.min(size * 2, sizeMax);
      else if (queuedBefore > size / 2) size = Math.max(size - 1, sizeMin);
      full = filled;
      waitedFor = waiting;
    },
  };
}
