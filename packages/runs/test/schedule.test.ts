import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { firesBetween, lastFire, nextFire, nextFires, readSchedule, type Schedule } from "../src/schedule/schedule.ts";

const file = join(import.meta.dirname, "../../testkit/vectors/cron-dst.json");
const vectors = z
  .object({
    header: z.looseObject({ zones: z.array(z.string()), rows: z.int() }),
    slots: z.array(
      z.looseObject({
        id: z.string(),
        cron: z.string(),
        timeZone: z.string(),
        from: z.iso.datetime(),
        to: z.iso.datetime(),
        expect: z.array(z.iso.datetime()),
      }),
    ),
    invalid: z.array(z.object({ why: z.string(), cron: z.string(), timeZone: z.string() })),
  })
  .parse(JSON.parse(readFileSync(file, "utf8")));

function scheduleOf(cron: string, timezone: string): Schedule {
  const reading = readSchedule(cron, timezone);
  if ("problems" in reading) throw new Error(JSON.stringify(reading.problems));
  return reading.schedule;
}

const texts = (fires: Iterable<Date>) => [...fires].map((fire) => fire.toISOString().replace(".000Z", "Z"));

describe("the fires of every row of the vectors", () => {
  test("are as many as the file says", () => {
    expect(vectors.slots).toHaveLength(vectors.header.rows);
    expect(new Set(vectors.slots.map(({ timeZone }) => timeZone))).toEqual(new Set(vectors.header.zones));
  });

  test.for(vectors.slots.map((row) => [row.id, row] as const))("%s", ([, row]) => {
    const schedule = scheduleOf(row.cron, row.timeZone);
    const [from, to] = [new Date(row.from), new Date(row.to)];

    const onwards: Date[] = [];
    let next = nextFire(schedule, new Date(from.getTime() - 1));
    while (next !== undefined && next < to) next = nextFire(schedule, onwards[onwards.push(next) - 1] ?? to);

    expect(texts(firesBetween(schedule, from, to))).toEqual(row.expect);
    expect(texts(onwards)).toEqual(row.expect);
    expect(texts([lastFire(schedule, from, to)].filter((fire) => fire !== undefined))).toEqual(row.expect.slice(-1));
  });

  test.for(vectors.invalid.map((row) => [row.why, row] as const))("are none for %s", ([, row]) => {
    const reading = readSchedule(row.cron, row.timeZone);

    expect(reading).toEqual({ problems: [{ path: expect.any(String), message: expect.any(String) }] });
  });
});

const field = (min: number, max: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    { weight: 2, arbitrary: fc.integer({ min, max }).map(String) },
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map((ends) => `${Math.min(...ends)}-${Math.max(...ends)}`),
    fc.integer({ min: 1, max: 99 }).map((step) => `*/${step}`),
    fc.array(fc.integer({ min, max }), { minLength: 2, maxLength: 4 }).map((values) => values.join(",")),
  );
const crons = fc
  .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
  .map((fields) => fields.join(" "));
/** Half an hour to two days around a change of the clock, or around any other moment of a row. */
const spans = fc
  .record({
    row: fc.constantFrom(...vectors.slots),
    before: fc.integer({ min: 1, max: 1_500 }),
    after: fc.integer({ min: 1, max: 1_500 }),
  })
  .map(({ row, before, after }) => {
    const [change] = z.array(z.looseObject({ at: z.iso.datetime() })).parse(row["transitions"] ?? []);
    const middle = Date.parse(change?.at ?? row.from);
    return { timeZone: row.timeZone, from: middle - before * 60_000, to: middle + after * 60_000 };
  });

test("the fires do not depend on how time is cut", () => {
  fc.assert(
    fc.property(
      crons,
      spans,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
      (cron, span, cuts) => {
        const schedule = scheduleOf(cron, span.timeZone);
        const inner = cuts.map((share) => Math.round(span.from + share * (span.to - span.from)));
        const ends = [span.from, ...inner.sort((left, right) => left - right), span.to].map(
          (instant) => new Date(instant),
        );

        const parts = ends.slice(1).flatMap((end, index) => texts(firesBetween(schedule, ends[index] ?? end, end)));

        expect(parts).toEqual(texts(firesBetween(schedule, new Date(span.from), new Date(span.to))));
      },
    ),
    { numRuns: 300, seed: 20_261_025 },
  );
});

/** Minute by minute, from nothing but what the wall clock shows: a minute fires when the clock first shows it or more. */
function watchClock(cron: string, timeZone: string, from: number, to: number): string[] {
  const clock = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    dateStyle: "short",
    timeStyle: "short",
  });
  const shown = (instant: number) => Date.parse(`${clock.format(instant).replace(", ", "T")}Z`);
  const utc = scheduleOf(cron, "UTC");
  const fires: string[] = [];
  let furthest = Number.NEGATIVE_INFINITY;
  for (let instant = from - 27 * 3_600_000; instant < to; instant += 60_000) {
    const local = shown(instant);
    if (local <= furthest) continue;
    const passed = Number.isFinite(furthest) ? furthest + 60_000 : local;
    if (instant >= from && texts(firesBetween(utc, new Date(passed), new Date(local + 60_000))).length > 0)
      fires.push(...texts([new Date(instant)]));
    furthest = local;
  }
  return fires;
}

test("the fires are those of somebody who watches the wall clock", () => {
  fc.assert(
    fc.property(crons, spans, (cron, { timeZone, from, to }) => {
      const fires = texts(firesBetween(scheduleOf(cron, timeZone), new Date(from), new Date(to)));

      expect(fires).toEqual(watchClock(cron, timeZone, from, to));
    }),
    { numRuns: 40, seed: 20_260_329 },
  );
});

describe("what is not asked for every day", () => {
  test.each([
    ["30 February", "0 0 30 2 *"],
    ["31 April, June, September and November", "0 12 31 4,6,9,11 *"],
  ])("%s never fires", (_name, cron) => {
    const schedule = scheduleOf(cron, "Europe/Berlin");

    expect(nextFire(schedule, new Date("2026-01-01T00:00:00Z"))).toBeUndefined();
    expect(nextFires(schedule, new Date("2026-01-01T00:00:00Z"), 5)).toEqual([]);
    expect(lastFire(schedule, new Date(0), new Date("2026-01-01T00:00:00Z"))).toBeUndefined();
  });

  test("29 February fires every four years", () => {
    const fires = nextFires(scheduleOf("0 0 29 2 *", "UTC"), new Date("2026-01-01T00:00:00Z"), 3);

    expect(texts(fires)).toEqual(["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"]);
  });

  test("a fire is looked for five years back and no further", () => {
    const schedule = scheduleOf("0 0 29 2 *", "UTC");
    const last = (to: string) => lastFire(schedule, new Date(0), new Date(to));

    expect(last("2033-02-01T00:00:00Z")).toEqual(new Date("2032-02-29T00:00:00Z"));
    expect(last("2104-02-01T00:00:00Z")).toBeUndefined();
  });
});

describe("an expression", () => {
  const from = new Date("2026-01-01T00:00:00Z");
  const first = (cron: string) => texts(nextFires(scheduleOf(cron, "UTC"), from, 4));

  test.each([
    ["names in any case", "0 0 * feb,Mar MON", "0 0 * 2,3 1"],
    ["blanks around and between", "  0\t 0  *   * 1 ", "0 0 * * 1"],
    ["7 for Sunday, alone and in a range", "0 0 * * 7", "0 0 * * 0"],
    ["a range over the end of the week", "0 0 * * FRI-7", "0 0 * * 0,5,6"],
    ["leading zeros", "05 00 01 01 *", "5 0 1 1 *"],
    ["a step in a range of names", "0 0 1 JAN-DEC/3 *", "0 0 1 1,4,7,10 *"],
    ["lists of everything", "0-10/5,30,*/45 0 * * *", "0,5,10,30,45 0 * * *"],
  ])("may have %s", (_what, written, plain) => {
    expect(first(written)).toEqual(first(plain));
  });

  test.each([
    ["007 * * * *", "minute"],
    ["* * * JAN-FUN *", "month"],
    ["* * * * MON/2", "day of week"],
    ["* * * * FRI-SUN", "day of week"],
    ["JAN * * * *", "minute"],
    ["*/100 * * * *", "minute"],
    ["**** * * * *", "minute"],
    [`${"0,".repeat(90)}0 61 * * *`, "hour"],
    ["0 0 * * \u0661", "day of week"],
    ["0\u00a00 * * *", "five fields"],
  ])("%s is refused with the field's name", (cron, name) => {
    expect(readSchedule(cron, "UTC")).toEqual({
      problems: [{ path: "cron", message: expect.stringContaining(name) }],
    });
  });

  test("and its zone are refused together", () => {
    expect(readSchedule("", "Mars/Olympus")).toMatchObject({ problems: [{ path: "cron" }, { path: "timezone" }] });
  });
});

test.each(["europe/berlin", "Asia/Calcutta", "US/Pacific", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC"])(
  "%s is a zone",
  (name) => {
    expect(readSchedule("0 0 * * *", name)).toHaveProperty("schedule");
  },
);

test.each([
  "localtime",
  "+05:30",
  "GMT+5",
  "Europe/Berlin ",
  "../etc/passwd",
  "Europe/",
  "constructor",
  "a".repeat(64),
])("%s is none", (name) => {
  expect(readSchedule("0 0 * * *", name)).toMatchObject({ problems: [{ path: "timezone" }] });
});
