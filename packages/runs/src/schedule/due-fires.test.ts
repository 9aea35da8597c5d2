import { describe, expect, test } from "vitest";
import { dueFires } from "./due-fires.ts";
import { readSchedule } from "./schedule.ts";

const NOON = "2026-06-01T12:00:00Z";

/** Times of one day as HH:MM, and of its first instant after them where `instant` has seconds. */
function due(cron: string, catchUp: "LAST" | "NONE", since: string, instant = NOON): string[] {
  const reading = readSchedule(cron, "UTC");
  if ("problems" in reading) throw new Error(cron);
  return dueFires(reading.schedule, catchUp, new Date(since), new Date(instant)).map((fire) =>
    fire.toISOString().slice(0, 16),
  );
}

const today = (...times: string[]) => times.map((time) => `2026-06-01T${time}`);

describe.each(["LAST", "NONE"] as const)("under either policy, here %s,", (catchUp) => {
  test("all fires of the last five minutes are made, the one at each end too", () => {
    expect(due("* * * * *", catchUp, "2026-06-01T11:00:00Z")).toEqual(
      today("11:55", "11:56", "11:57", "11:58", "11:59", "12:00"),
    );
  });

  test("none is made twice: not those before the one that is due", () => {
    expect(due("* * * * *", catchUp, "2026-06-01T11:58:00Z")).toEqual(today("11:58", "11:59", "12:00"));
  });

  test("older ones are left where there is one that is not", () => {
    expect(due("*/4 * * * *", catchUp, "2026-06-01T08:00:00Z", "2026-06-01T12:03:00Z")).toEqual(today("12:00"));
  });

  test("a schedule that has no fire by then has none", () => {
    expect(due("0 13 * * *", catchUp, "2026-06-01T11:00:00Z")).toEqual([]);
    expect(due("0 0 30 2 *", catchUp, "2020-01-01T00:00:00Z")).toEqual([]);
  });
});

describe("with only missed ones left", () => {
  test.each([
    ["the newest of three", "0 9-11 * * *", "2026-06-01T09:00:00Z", today("11:00")],
    ["the one that is a moment too late", "54 11 * * *", "2026-06-01T11:54:00Z", today("11:54")],
    ["the newest of years", "0 0 29 2 *", "2020-01-01T00:00:00Z", ["2024-02-29T00:00"]],
  ])("LAST makes %s, NONE none", (_which, cron, since, newest) => {
    expect(due(cron, "LAST", since)).toEqual(newest);
    expect(due(cron, "NONE", since)).toEqual([]);
  });
});
