import type { Logger } from "./logger.ts";
import type { Loop } from "./shutdown.ts";

export type WakeableLoop = Loop & {
  /** Runs a pass soon; wakes that meet a running pass lead to one more. */
  wake(): void;
};

/**
 * One pass at a time, each `intervalMs` and whenever woken. A pass that fails is logged and tried again next time. Between
 * two passes lies at least `restMs`, in which any number of wakes are one.
 */
export function startIntervalLoop(options: {
  name: string;
  intervalMs: number;
  restMs?: number;
  pass: () => Promise<void>;
  log: Logger;
}): WakeableLoop {
  let stopped = false;
  let again = false;
  let running: Promise<void> | undefined;
  let endRest = (): void => {};
  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    do {
      again = false;
      try {
        await options.pass();
      } catch (error) {
        options.log.warn({ err: error, loop: options.name }, "a pass failed; the next one tries again");
        return;
      }
      if (options.restMs !== undefined && !stopped) await rest(options.restMs);
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
      endRest();
      await running;
    },
  };
}
