import { expect, test } from "vitest";
import { z } from "zod";
import { deepEqual, sortedText } from "./json-equality.ts";
import { compareNumbers, contractNumber, digitsWrittenOut, isInteger, isJsonNumber } from "./json-number.ts";
import { type JsonNumber, type JsonValue, jsonValueSchema } from "./json-value.ts";

declare global {
  interface JSON {
    rawJSON(text: string): object;
  }
}

/** As the reader of JSON makes it. */
function number(text: string): JsonNumber {
  const value = String(Number(text)) === text ? Number(text) : JSON.rawJSON(text);
  if (!isJsonNumber(value)) throw new Error(`${text} is not a number`);
  return value;
}

const RISING = [
  ["-1e400", "-10e399"],
  ["-9007199254740993", "-9007199254740993.0"],
  ["-9007199254740992"],
  ["-0.10", "-0.1", "-1e-1"],
  ["-1e-400"],
  ["0", "-0", "0.00", "0e5"],
  ["1e-400"],
  ["0.1", "0.10"],
  ["0.10000000000000000001"],
  ["1", "1.0", "10e-1", "0.001e3"],
  ["9.99"],
  ["12", "1.2e1"],
  ["9007199254740992", "9007199254740992.0"],
  ["9007199254740993", "9007199254740993.00"],
  ["1e21", "1000000000000000000000"],
  ["1e400", "0.1e401"],
] as const;

test("numbers compare by their values, to the last digit", () => {
  for (const [a, lefts] of RISING.entries()) {
    for (const [b, rights] of RISING.entries()) {
      for (const left of lefts) {
        for (const right of rights) {
          expect(Math.sign(compareNumbers(number(left), number(right))), `${left} ${right}`).toBe(Math.sign(a - b));
          expect(deepEqual([number(left)], [number(right)])).toBe(a === b);
          expect(sortedText({ n: number(left) }) === sortedText({ n: number(right) })).toBe(a === b);
        }
      }
    }
  }
});

test.for([
  ["1", true],
  ["1.0", true],
  ["100e-2", true],
  ["1e400", true],
  ["-0.0", true],
  ["1.10", false],
  ["1e-400", false],
  ["9007199254740993.5", false],
] as const)("%s is an integer: %s", ([text, expected]) => {
  expect(isInteger(number(text))).toBe(expected);
});

test.for([
  ["0", 1],
  ["-12.50", 4],
  ["1e999", 1_000],
  ["1.5e999", 1_000],
  ["1e-999", 1_000],
  ["1.5e-999", 1_001],
] as const)("%s has %i digits when it is written out", ([text, digits]) => {
  expect(digitsWrittenOut(text)).toBe(digits);
});

test("a value holds numbers of at most 1,000 digits", () => {
  const holds = (value: JsonValue) => jsonValueSchema.safeParse(value).success;

  expect(holds({ n: number("1e999") })).toBe(true);
  expect(holds({ n: number("1e1000") })).toBe(false);
});

test("a number of a contract may be written in any way, and is held to the same limits", () => {
  const schema = contractNumber(z.int().min(1).max(60));

  expect([1, number("60.0"), number("6e1")].map((value) => schema.parse(value))).toEqual([1, 60, 60]);
  for (const value of [0, number("60.5"), number("6.1e1"), "60", null, { rawJSON: "60.0" }])
    expect(schema.safeParse(value).success).toBe(false);
});
