import { FAILPOINT_NAMES } from "@control-plane/service-kit/failpoint";
import { createRandom } from "@control-plane/testkit/random";
import { expect, test } from "vitest";
import { ArgumentError, readArguments } from "../src/arguments.ts";
import { CELLS } from "../src/cells/all.ts";

test("every failpoint is reached by a cell, which fails when it is not", () => {
  expect(new Set(CELLS.flatMap(({ failpoints = [] }) => failpoints))).toEqual(new Set(FAILPOINT_NAMES));
});

test("no two cells have one name", () => {
  expect(new Set(CELLS.map(({ id }) => id)).size).toBe(CELLS.length);
});

test("a seed gives the same numbers every time", () => {
  const draw = () => {
    const random = createRandom(7);
    return [random.next(), random.int(1, 100), random.shuffled(["a", "b", "c", "d"])];
  };
  expect(draw()).toEqual(draw());
});

const KNOWN = { cells: ["F1", "F3"], mutants: ["M1"] };

test("cells and sizes are read, and what is none of them is refused", () => {
  expect(readArguments(["--cell", "f1, F3", "--size", "50", "--seed", "9"], KNOWN)).toMatchObject({
    cells: ["F1", "F3"],
    size: 50,
    seed: 9,
    soakSeconds: 0,
    mutants: [],
  });
  for (const args of [["--cell", "F99"], ["--size", "many"], ["--mutant", "M99", "--mutants"], ["--frobnicate"]])
    expect(() => readArguments(args, KNOWN)).toThrow(ArgumentError);
});
