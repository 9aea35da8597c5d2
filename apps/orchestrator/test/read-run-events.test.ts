import { describe, expect, test } from "vitest";
import { readRunEvents } from "../src/domain/read-run-events.ts";

const BODY = '{"events":[{"seq":1,"type":"run.cancelled","at":"2026-01-01T00:00:00Z"}]}';

describe("the events of a body", () => {
  test("are read as they are sent", () => {
    expect(readRunEvents(BODY)).toEqual([{ seq: 1, type: "run.cancelled", at: "2026-01-01T00:00:00Z" }]);
  });

  test.for([
    ["no JSON", "events"],
    ["nothing", ""],
    ["null", "null"],
    ["a list", "[]"],
    ["no events", '{"events":[]}'],
    ["one bad event among good ones", BODY.replace("]}", ',{"seq":0}]}')],
    [
      "101 events",
      JSON.stringify({ events: Array(101).fill({ seq: 1, type: "run.cancelled", at: "2026-01-01T00:00:00Z" }) }),
    ],
    ["100,000 levels", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    [
      "an output of 100,000 levels",
      `{"events":[{"seq":1,"type":"run.succeeded","at":"2026-01-01T00:00:00Z","output":${"[".repeat(100_000)}${"]".repeat(100_000)}}]}`,
    ],
  ] as const)("are none in %s", ([, body]) => {
    expect(readRunEvents(body)).toBeUndefined();
  });
});
