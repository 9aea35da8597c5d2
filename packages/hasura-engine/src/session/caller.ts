/** Who waits for an answer, and may go away before it comes. */
export type Caller = {
  isGone(): boolean;
  /** `listener` is called once, if the caller goes away; the function returned takes it back. */
  whenGone(listener: () => void): () => void;
  /** For what takes a signal; most requests never make one. */
  signal(): AbortSignal;
};

/** `goes` tells those who listen, and is called once `isGone` says so. */
export type Departing = Caller & { goes(): void };

export function createCaller(isGone: () => boolean): Departing {
  const listeners = new Set<() => void>();
  let controller: AbortController | undefined;
  return {
    isGone,
    whenGone(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (isGone()) controller.abort();
      }
      return controller.signal;
    },
    goes() {
      controller?.abort();
      for (const listener of listeners) {
        listeners.delete(listener);
        listener();
      }
    },
  };
}
