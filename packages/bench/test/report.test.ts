import { expect, test } from "vitest";
import { holds, resultLines } from "../src/report.ts";
import type { BarResult } from "../src/run-bar.ts";

const result: BarResult = {
  id: "P8",
  title: "a list",
  rounds: [],
  ratios: [
    { reference: "floor", gate: 0.5, perRound: [0.8], median: 0.8, min: 0.8, max: 0.8, verdict: "PASSED" },
    { reference: "peer", gate: 1.3, perRound: [2], median: 2, min: 2, max: 2, verdict: "PASSED" },
  ],
  voided: [],
  skipped: [],
};

test("each ratio is a line with its gate and verdict", () => {
  expect(resultLines(result)).toEqual([
    "P8  a list",
    "    engine / floor        0.80 (0.80 to 0.80), gate 0.5: PASSED",
    "    engine / peer         2.00 (2.00 to 2.00), gate 1.3: PASSED",
  ]);
  expect(holds(result, true)).toBe(true);
});

test("a bar holds only when every ratio passed", () => {
  const [first, second] = result.ratios;
  if (first === undefined || second === undefined) throw new Error("no ratios");

  expect(holds({ ...result, ratios: [first, { ...second, verdict: "FAILED" }] }, false)).toBe(false);
  expect(holds({ ...result, ratios: [first, { ...second, verdict: "INCONCLUSIVE" }] }, false)).toBe(false);
  expect(holds({ ...result, ratios: [] }, false)).toBe(false);
});

test("a void bar shows why instead of figures", () => {
  const voided = { ...result, voided: ["floor: 3 socket errors"] };

  expect(resultLines(voided)).toEqual(["P8  a list", "    VOID: floor: 3 socket errors"]);
  expect(holds(voided, false)).toBe(false);
});

test("a skipped reference fails only where all is required", () => {
  const skipped = { ...result, skipped: ["peer is not installed"] };

  expect(resultLines(skipped)).toContain("    skipped: peer is not installed");
  expect(holds(skipped, false)).toBe(true);
  expect(holds(skipped, true)).toBe(false);
});
