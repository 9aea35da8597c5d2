/** Joins those who know of work to the loop that does it, neither knowing the other. Nobody need listen. */
export type WakeSignal = {
  wake(): void;
  /** @returns ends the subscription */
  subscribe(listener: () => void): () => void;
};

export function createWakeSignal(): WakeSignal {
  const listeners = new Set<() => void>();
  return {
    wake() {
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
