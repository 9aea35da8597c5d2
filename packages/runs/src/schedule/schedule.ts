import { type Cron, matchingMinutes, readCron } from "./cron.ts";
import { findZone, LEAP_MS_MAX, type Zone } from "./zone.ts";

/** A rhythm: the minutes of a wall clock that match a cron expression. */
export type Schedule = { cron: Cron; zone: Zone };

export type ScheduleProblem = { path: "cron" | "timezone"; message: string };
export type ScheduleReading = { schedule: Schedule } | { problems: readonly ScheduleProblem[] };

export function readSchedule(cronText: string, timezone: string): ScheduleReading {
  const reading = readCron(cronText);
  const zone = findZone(timezone);
  if ("cron" in reading && zone !== undefined) return { schedule: { cron: reading.cron, zone } };
  const problems: ScheduleProblem[] = [];
  if ("problem" in reading) problems.push({ path: "cron", message: reading.problem });
  if (zone === undefined) problems.push({ path: "timezone", message: "is not a name of the IANA time zone database" });
  return { problems };
}

/** How far a schedule is looked through for its next or last fire. */
const LOOK_YEARS = 5;
const LOOK_MS = LOOK_YEARS * 366 * 86_400_000;

/**
 * The instants from `from` to before `to` at which it fires, rising. A minute fires when the wall clock first shows it:
 * one that occurs twice at the earlier instant, one that the clock leaps over at the first instant behind the leap, and
 * minutes that meet there are one fire. However a span of time is cut, its parts give the fires of the whole.
 */
export function* firesBetween({ cron, zone }: Schedule, from: Date, to: Date): Generator<Date> {
  const end = to.getTime();
  let previous: number | undefined;
  for (const local of matchingMinutes(cron, zone.shownBefore(from.getTime()), end + LEAP_MS_MAX)) {
    const instant = zone.firstInstantOf(local);
    if (instant >= end) return;
    if (instant !== previous) yield new Date(instant);
    previous = instant;
  }
}

/** The first fire after `after`; undefined where there is none within five years. */
export function nextFire(schedule: Schedule, after: Date): Date | undefined {
  const from = after.getTime() + 1;
  for (const fire of firesBetween(schedule, new Date(from), new Date(from + LOOK_MS))) return fire;
  return undefined;
}

/** The next `count` fires after `after`, each within five years of the one before. */
export function nextFires(schedule: Schedule, after: Date, count: number): Date[] {
  const fires: Date[] = [];
  let fire = nextFire(schedule, after);
  while (fire !== undefined && fires.push(fire) < count) fire = nextFire(schedule, fire);
  return fires;
}

/** The newest fire from `from` to before `to`, at most five years back. */
export function lastFire({ cron, zone }: Schedule, from: Date, to: Date): Date | undefined {
  const first = zone.shownBefore(Math.max(from.getTime(), to.getTime() - LOOK_MS));
  for (const local of matchingMinutes(cron, first, zone.shownBefore(to.getTime()), true))
    return new Date(zone.firstInstantOf(local));
  return undefined;
}
