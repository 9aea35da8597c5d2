import { firesBetween, lastFire, type Schedule } from "./schedule.ts";

/** A fire that comes later than this was missed; what becomes of missed ones the catch-up policy says. */
const LATE_MS_MAX = 5 * 60_000;

/**
 * Which fires from `since` until `instant` are to be made up for now: all that are not missed; if only missed ones are
 * left, under LAST the newest of them.
 */
export function dueFires(schedule: Schedule, catchUp: "LAST" | "NONE", since: Date, instant: Date): Date[] {
  const intime = instant.getTime() - LATE_MS_MAX;
  const from = new Date(Math.max(since.getTime(), intime));
  const recent = [...firesBetween(schedule, from, new Date(instant.getTime() + 1))];
  if (recent.length > 0 || catchUp === "NONE" || since.getTime() >= intime) return recent;
  const newest = lastFire(schedule, since, new Date(intime));
  return newest === undefined ? [] : [newest];
}
