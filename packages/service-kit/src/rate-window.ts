export type RateWindow = {
  /** Counts one. Seconds to wait, when the subject is at its limit and nothing was counted. */
  take(subject: string): number | undefined;
  /** Takes the latest count back. */
  giveBack(subject: string): void;
};

/** More subjects than this are not kept: the oldest go first, so that a flood of names cannot fill the memory. */
const SUBJECTS_MAX = 50_000;

/** At most `limit` in any stretch of `windowMs`, in this process's memory. A limit of 0 is none. */
export function createRateWindow(
  limit: number,
  windowMs: number,
  now: () => number = performance.now.bind(performance),
): RateWindow {
  const taken = new Map<string, number[]>();
  return {
    take(subject) {
      if (limit === 0) return undefined;
      const at = now();
      const times = taken.get(subject) ?? [];
      while (times[0] !== undefined && times[0] <= at - windowMs) times.shift();
      taken.delete(subject);
      taken.set(subject, times);
      const longest = taken.size > SUBJECTS_MAX ? taken.keys().next().value : undefined;
      if (longest !== undefined) taken.delete(longest);
      if (times.length < limit) {
        times.push(at);
        return undefined;
      }
      return Math.max(1, Math.ceil(((times[0] ?? at) + windowMs - at) / 1000));
    },
    giveBack(subject) {
      taken.get(subject)?.pop();
    },
  };
}
