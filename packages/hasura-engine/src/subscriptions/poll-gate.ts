/** Runs works at most `width` at a time, in the order they came. */
export type PollGate = { run<T>(work: () => Promise<T>): Promise<T> };

export function createPollGate(width: number): PollGate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
      if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
