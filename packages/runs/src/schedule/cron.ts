/** A cron expression as numbers. A day matches by its date, by its weekday, or, where both are restricted, by either. */
export type Cron = {
  /** Minutes since midnight, rising. */
  minutesOfDay: readonly number[];
  daysOfMonth: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 is Sunday. */
  weekdays: ReadonlySet<number>;
  eitherDay: boolean;
};

/** `problem` is a sentence for whoever wrote the expression. */
export type CronReading = { cron: Cron } | { problem: string };

type Field = { name: string; min: number; max: number; names: readonly string[] };

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const MINUTE: Field = { name: "minute", min: 0, max: 59, names: [] };
const HOUR: Field = { name: "hour", min: 0, max: 23, names: [] };
const DAY_OF_MONTH: Field = { name: "day of month", min: 1, max: 31, names: [] };
const MONTH: Field = { name: "month", min: 1, max: 12, names: MONTHS };
const WEEKDAY: Field = { name: "day of week", min: 0, max: 7, names: WEEKDAYS };

/** `*`, a value or a range, and behind `*` or a range a step. */
const PART = /^(?:(\*)|(\d{1,2}|[A-Za-z]{3})(?:-(\d{1,2}|[A-Za-z]{3}))?)(?:\/(\d{1,2}))?$/;

export function readCron(text: string): CronReading {
  const [minute, hour, dayOfMonth, month, weekday, ...more] = text.trim().split(/[ \t]+/);
  if (
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    weekday === undefined ||
    more.length > 0
  )
    return { problem: "must have five fields: minute, hour, day of month, month, day of week" };
  const problems: string[] = [];
  const read = (field: Field, part: string): ReadonlySet<number> => {
    const values = readField(field, part);
    if (typeof values !== "string") return values;
    problems.push(`${field.name}: ${values}`);
    return new Set();
  };
  const minutes = read(MINUTE, minute);
  const hours = read(HOUR, hour);
  const cron = {
    minutesOfDay: minutesOfDay(hours, minutes),
    daysOfMonth: read(DAY_OF_MONTH, dayOfMonth),
    months: read(MONTH, month),
    weekdays: new Set([...read(WEEKDAY, weekday)].map((day) => day % 7)),
    eitherDay: dayOfMonth !== "*" && weekday !== "*",
  };
  const [problem] = problems;
  return problem === undefined ? { cron } : { problem };
}

/** The values of a field, or what is wrong with it. */
function readField(field: Field, text: string): ReadonlySet<number> | string {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const range = readPart(field, part);
    if (typeof range === "string") return range;
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return values;
}

function readPart(field: Field, text: string): { from: number; to: number; step: number } | string {
  const match = PART.exec(text);
  if (match === null) return `“${text}” is no value, range or step`;
  const [, every, first, last, steps] = match;
  if (steps !== undefined && every === undefined && last === undefined) return `“${text}” has a step without a range`;
  const step = steps === undefined ? 1 : Number(steps);
  if (step === 0) return `“${text}” has a step of 0`;
  if (every !== undefined) return { from: field.min, to: field.max, step };
  const from = readValue(field, first ?? "");
  const to = last === undefined ? from : readValue(field, last);
  if (from === undefined || to === undefined) return `“${text}” is not within ${field.min} to ${field.max}`;
  if (from > to) return `“${text}” ends before it begins`;
  return { from, to, step };
}

function readValue(field: Field, text: string): number | undefined {
  const named = field.names.indexOf(text.toUpperCase());
  const value = named >= 0 ? named + field.min : /^\d+$/.test(text) ? Number(text) : undefined;
  return value !== undefined && value >= field.min && value <= field.max ? value : undefined;
}

function minutesOfDay(hours: ReadonlySet<number>, minutes: ReadonlySet<number>): number[] {
  const all = [...hours].flatMap((hour) => [...minutes].map((minute) => hour * 60 + minute));
  return all.sort((left, right) => left - right);
}

const DAY_MS = 86_400_000;

/** Whether a day of the calendar matches; `day` counts from 1970-01-01. */
function dayMatches(cron: Cron, day: number): boolean {
  const date = new Date(day * DAY_MS);
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  const byDate = cron.daysOfMonth.has(date.getUTCDate());
  const byWeekday = cron.weekdays.has(date.getUTCDay());
  return cron.eitherDay ? byDate || byWeekday : byDate && byWeekday;
}

/**
 * The matching minutes of a wall clock from `from` to before `to`, both read as if the wall clock showed UTC; the newest
 * first where `backwards`. Days that do not match cost nothing but the look at their date.
 */
export function* matchingMinutes(cron: Cron, from: number, to: number, backwards = false): Generator<number> {
  const firstDay = Math.floor(from / DAY_MS);
  const lastDay = Math.ceil(to / DAY_MS) - 1;
  const minutes = backwards ? cron.minutesOfDay.toReversed() : cron.minutesOfDay;
  for (let index = 0; index <= lastDay - firstDay; index++) {
    const day = backwards ? lastDay - index : firstDay + index;
    if (!dayMatches(cron, day)) continue;
    for (const minute of minutes) {
      const local = day * DAY_MS + minute * 60_000;
      if (local >= from && local < to) yield local;
    }
  }
}
