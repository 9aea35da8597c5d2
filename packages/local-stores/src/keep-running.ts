import { setTimeout as pause } from "node:timers/promises";

type Runs = { hasExited(): boolean; stop(): Promise<void> };

/** The process that runs now, and the end of it all. */
export type Kept<T> = { current(): T; stop(): Promise<void> };

const LOOK_MS = 200;
/** More ends than this within a minute, and it stays down. */
const RESTARTS_PER_MINUTE_MAX = 10;

/** Starts again what ends by itself, and says so. What does not start is tried again, as often as what ends. */
export function keepRunning<T extends Runs>(options: {
  name: string;
  first: T;
  start: (signal: AbortSignal) => Promise<T>;
  log: (line: string) => void;
  logFile: string;
}): Kept<T> {
  const { name, log, logFile } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const ends: number[] = [];
  let current = options.first;

  const startAgain = async (): Promise<void> => {
    try {
      current = await options.start(signal);
    } catch (error) {
      if (!signal.aborted) log(error instanceof Error ? error.message : String(error));
    }
  };
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      // Ends with the signal: what waits for a timer that holds no process open might wait for ever.
      await pause(LOOK_MS, undefined, { ref: false, signal }).catch(() => {});
      if (signal.aborted || !current.hasExited()) continue;
      ends.push(Date.now());
      const recent = ends.filter((at) => at > Date.now() - 60_000).length;
      if (recent > RESTARTS_PER_MINUTE_MAX) return log(`${name} keeps ending; it stays down. See ${logFile}`);
      log(`${name} ended unexpectedly; starting it again`);
      await startAgain();
    }
  };
  const watching = watch();

  return {
    current: () => current,
    async stop() {
      stopping.abort();
      await current.stop();
      await watching;
      // What came up while it was told to stop.
      await current.stop();
    },
  };
}
