import { expect, test } from "vitest";
import { judge, judgeLimit, orderOf, type Round, voidReasons, type Window } from "../src/verdict.ts";

const window = (side: string, requestsPerSecond: number, faults: Partial<Window> = {}): Window => ({
  side,
  requestsPerSecond,
  requests: requestsPerSecond * 5,
  p50: 1,
  p99: 2,
  non2xx: 0,
  socketErrors: 0,
  wrongAnswers: 0,
  faults: [],
  ...faults,
});
const round = (ours: number, theirs: number): Round =>
  new Map([
    ["ours", window("ours", ours)],
    ["theirs", window("theirs", theirs)],
  ]);

test("the verdict is the median of the ratios of each round, not the ratio of medians", () => {
  const rounds = [round(100, 200), round(300, 400), round(50, 80)];

  expect(judge(rounds, "ours", { reference: "theirs", gate: 0.6 })).toMatchObject({
    perRound: [0.5, 0.75, 0.625],
    median: 0.625,
    min: 0.5,
    max: 0.75,
    verdict: "PASSED",
  });
  expect(judge(rounds, "ours", { reference: "theirs", gate: 0.63 }).verdict).toBe("FAILED");
});

test("an even number of rounds has the mean of the middle two", () => {
  expect(judge([round(1, 2), round(3, 4)], "ours", { reference: "theirs", gate: 0.5 }).median).toBe(0.625);
});

test("rounds that disagree by more than 1.6 say nothing", () => {
  expect(judge([round(100, 100), round(161, 100)], "ours", { reference: "theirs", gate: 0.1 }).verdict).toBe(
    "INCONCLUSIVE",
  );
  expect(judge([round(100, 100), round(159, 100)], "ours", { reference: "theirs", gate: 0.1 }).verdict).toBe("PASSED");
});

test.each([
  [{ requests: 0 }, "theirs: nothing was answered"],
  [{ non2xx: 1 }, "theirs: 1 answers were not 2xx"],
  [{ socketErrors: 2 }, "theirs: 2 socket errors"],
  [{ wrongAnswers: 3 }, "theirs: 3 answers were wrong"],
  [{ faults: ["9 were acknowledged, 8 are stored"] }, "theirs: 9 were acknowledged, 8 are stored"],
])("a window with %j is void", (faults, reason) => {
  const voided = new Map([
    ["ours", window("ours", 10)],
    ["theirs", window("theirs", 10, faults)],
  ]);

  expect(voidReasons(voided)).toEqual([reason]);
  expect(voidReasons(round(1, 1))).toEqual([]);
});

test("no single round may be below the gate of rounds", () => {
  const rounds = [round(100, 200), round(300, 400), round(50, 80)];
  const gates = { reference: "theirs", gate: 0.6 };

  expect(judge(rounds, "ours", { ...gates, gateOfRounds: 0.5 }).verdict).toBe("PASSED");
  expect(judge(rounds, "ours", { ...gates, gateOfRounds: 0.51 }).verdict).toBe("FAILED");
});

test("a limit holds up to its bound", () => {
  const p99 = { name: "p99", max: 50, unit: "ms" };

  expect(judgeLimit({ ...p99, value: 50 }).verdict).toBe("PASSED");
  expect(judgeLimit({ ...p99, value: 50.1 }).verdict).toBe("FAILED");
});

test("every other round goes backwards", () => {
  expect([0, 1, 2].map((index) => orderOf(["a", "b", "c"], index).join(""))).toEqual(["abc", "cba", "abc"]);
});
