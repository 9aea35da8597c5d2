import { expect, test } from "vitest";
import { holds, resultLines } from "../src/report.ts";
import type { BarResult } from "../src/rounds.ts";

const result: BarResult = {
  id: "P8",
  title: "a list",
  ours: "engine",
  rounds: [],
  limits: [],
  ratios: [
    {
      reference: "floor",
      gate: 0.5,
      gateOfRounds: 0,
      perRound: [0.8],
      median: 0.8,
      min: 0.8,
      max: 0.8,
      verdict: "PASSED",
    },
    { reference: "peer", gate: 1.3, gateOfRounds: 0, perRound: [2], median: 2, min: 2, max: 2, verdict: "PASSED" },
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

test("a gate of each round is named", () => {
  const [first] = result.ratios;
  if (first === undefined) throw new Error("no ratio");

  expect(resultLines({ ...result, ratios: [{ ...first, gateOfRounds: 0.4 }] })[1]).toBe(
    "    engine / floor        0.80 (0.80 to 0.80), gate 0.5, each round 0.4: PASSED",
  );
});

test("figures with bounds of their own hold or fail like ratios", () => {
  const p99 = { name: "p99", value: 12.345, max: 50, unit: "ms", verdict: "PASSED" } as const;

  expect(resultLines({ ...result, ratios: [], limits: [p99] })[1]).toBe("    p99 12.35 ms, at most 50 ms: PASSED");
  expect(holds({ ...result, ratios: [], limits: [p99] }, true)).toBe(true);
  expect(holds({ ...result, limits: [{ ...p99, verdict: "FAILED" }] }, true)).toBe(false);
});
