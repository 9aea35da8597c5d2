import type { Logger, Loop } from "@control-plane/service-kit";

export type WakeableLoop = Loop & {
  /** Runs a pass soon; wakes that meet a running pass lead to one more. */
  wake(): void;
};

/** One pass at a time, each `intervalMs` and whenever woken. A pass that fails is logged and tried again next time. */
export function startIntervalLoop(options: {
  name: string;
  intervalMs: number;
  pass: () => Promise<void>;
  log: Logger;
}): WakeableLoop {
  let stopped = false;
  let again = false;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    do {
      again = false;
      try {
        await options.pass();
      } catch (error) {
        options.log.warn({ err: error, loop: options.name }, "a pass failed; the next one tries again");
        return;
      }
    } while (again && !stopped);
  };
  const wake = (): void => {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    running = run().finally(() => {
      running = undefined;
    });
  };
  const timer = setInterval(wake, options.intervalMs);
  return {
    wake,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
