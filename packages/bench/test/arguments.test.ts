import { expect, test } from "vitest";
import { ArgumentError, readArguments } from "../src/arguments.ts";

const known = ["P8", "P9"];

test("all bars and five rounds are the default", () => {
  expect(readArguments([], known)).toEqual({ only: ["P8", "P9"], rounds: 5, force: false });
});

test("bars are named in any case", () => {
  expect(readArguments(["--only", "p9, P8", "--rounds", "2", "--force"], known)).toEqual({
    only: ["P9", "P8"],
    rounds: 2,
    force: true,
  });
});

test.each([
  [["--only", "P99"], "no such bar: P99; there are: P8, P9"],
  [["--only", ","], "--only names no bar; there are: P8, P9"],
  [["--rounds", "0"], "--rounds is a whole number from 1 to 50"],
  [["--rounds", "many"], "--rounds is a whole number from 1 to 50"],
  [["--fast"], "Unknown option '--fast'"],
])("%j is refused", (args, message) => {
  expect(() => readArguments(args, known)).toThrow(new ArgumentError(message));
});
