import type { Logger } from "./logger.ts";
import { isOutage } from "./outage.ts";
import type { Loop } from "./shutdown.ts";

export type WakeableLoop = Loop & {
  /** Runs a pass soon; wakes that meet a running pass lead to one more. */
  wake(): void;
};

const OUTAGE_LINE_MS_MIN = 10_000;
const OUTAGE_LINE_MS_MAX = 300_000;

/** An outage is told when it begins and ends, and ever more rarely while it lasts; other failures each time. */
function failureLog(log: Logger, loop: string): { failed(error: unknown): void; worked(): void } {
  let failures = 0;
  let toldAt = 0;
  let silentMs = OUTAGE_LINE_MS_MIN;
  return {
    failed(error) {
      failures += 1;
      if (isOutage(error) && failures > 1 && performance.now() - toldAt < silentMs) return;
      if (failures > 1) silentMs = Math.min(silentMs * 2, OUTAGE_LINE_MS_MAX);
      toldAt = performance.now();
      log.warn({ err: error, loop, failures }, "a pass failed; the next one tries again");
    },
    worked() {
      if (failures > 0) log.info({ loop, failures }, "passes work again");
      failures = 0;
      silentMs = OUTAGE_LINE_MS_MIN;
    },
  };
}

/**
 * One pass at a time, each `intervalMs` and whenever woken. A pass that fails is logged and tried again next time; a store that is away is not told each time. Between
 * two passes lies at least `restMs`, in which any number of wakes are one.
 */
export function startIntervalLoop(options: {
  name: string;
  intervalMs: number;
  restMs?: number;
  pass: () => Promise<void>;
  log: Logger;
}): WakeableLoop {
  const failure = failureLog(options.log, options.name);
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
        failure.worked();
      } catch (error) {
        failure.failed(error);
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
