import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nextFires, readSchedule } from "../src/schedule/schedule.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/schedules.md"), "utf8");
const rows = [...page.matchAll(/^\| `([^`]+)` \| (\S+) \| (\S+Z) \| (.+) \|$/gm)];

test("the page has examples of every kind", () => {
  expect(rows).toHaveLength(12);
});

test.for(rows.map(([, cron = "", zone = "", askedAt = "", fires = ""]) => [cron, zone, askedAt, fires] as const))(
  "the page's %s in %s, asked at %s, fires as it says",
  ([cron, zone, askedAt, fires]) => {
    const reading = readSchedule(cron, zone);
    if ("problems" in reading) throw new Error(JSON.stringify(reading.problems));

    const next = nextFires(reading.schedule, new Date(askedAt), fires.split(", ").length);

    expect(next.map((fire) => `${fire.toISOString().slice(0, 16)}Z`).join(", ")).toBe(fires);
  },
);
