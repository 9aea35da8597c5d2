/** Seconds to wait, or undefined while the subject is below its limit. Sliding, in this process's memory. */
export type RateWindow = { take(subject: string): number | undefined };

const SUBJECTS_MAX = 20_000;

export function createRateWindow(
  limit: number,
  windowMs: number,
  now: () => number = performance.now.bind(performance),
): RateWindow {
  const taken = new Map<string, number[]>();
  return {
    take(subject) {
      const at = now();
      const recent = (taken.get(subject) ?? []).filter((time) => time > at - windowMs);
      taken.delete(subject);
      const [oldest] = recent;
      const allowed = recent.length < limit;
      taken.set(subject, allowed ? [...recent, at] : recent);
      const [first] = taken.keys();
      if (taken.size > SUBJECTS_MAX && first !== undefined) taken.delete(first);
      return allowed || oldest === undefined ? undefined : Math.max(1, Math.ceil((oldest + windowMs - at) / 1000));
    },
  };
}
