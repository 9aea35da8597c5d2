import { z } from "zod";
import type { ExactNumber, JsonNumber } from "./json-value.ts";

/** A number has at most so many digits when it is written out without an exponent: every reader knows what to expect. */
export const NUMBER_DIGITS_MAX = 1_000;

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

export function isExactNumber(value: unknown): value is ExactNumber {
  return JSON.isRawJSON(value) && NUMBER.test(value.rawJSON);
}

export function isJsonNumber(value: unknown): value is JsonNumber {
  return typeof value === "number" || isExactNumber(value);
}

/** As JSON writes it. */
export function numberText(number: JsonNumber): string {
  return typeof number === "number" ? JSON.stringify(number) : number.rawJSON;
}

/** How many digits a number's text has when it is written out without an exponent, as PostgreSQL does. */
export function digitsWrittenOut(text: string): number {
  const [, , whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  const moved = Number(exponent);
  return Math.max(whole.length + moved, 1) + Math.max(fraction.length - moved, 0);
}

/** sign × 0.digits × 10^point, the digits without zeros at either end; zero has none. */
type Normal = { negative: boolean; digits: string; point: number };

function normalOf(number: JsonNumber): Normal {
  const [, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(numberText(number)) ?? [];
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "");
  return {
    negative: sign === "-" && digits !== "",
    point: digits === "" ? 0 : whole.length - (all.length - digits.length) + Number(exponent),
    digits: digits.replace(/0+$/, ""),
  };
}

/** Below zero, zero, above zero: left is less than, equal to, greater than right, by their values to the last digit. */
export function compareNumbers(left: JsonNumber, right: JsonNumber): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [a, b] = [normalOf(left), normalOf(right)];
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const size = compareSizes(a, b);
  return a.negative ? 0 - size : size;
}

function compareSizes(a: Normal, b: Normal): number {
  if (a.digits === "" || b.digits === "") return a.digits.length - b.digits.length;
  if (a.point !== b.point) return a.point - b.point;
  return a.digits === b.digits ? 0 : a.digits < b.digits ? -1 : 1;
}

/** One text for all numbers that are equal: 1, 1.0 and 10e-1. */
export function equalNumbersText(number: JsonNumber): string {
  const { negative, digits, point } = normalOf(number);
  return digits === "" ? "0" : `${negative ? "-" : ""}.${digits}e${point}`;
}

/** 1.0 is an integer. */
export function isInteger(number: JsonNumber): boolean {
  if (typeof number === "number") return Number.isInteger(number);
  const { digits, point } = normalOf(number);
  return digits.length <= point || digits === "";
}

/** A number of a contract itself, such as a count, whatever way it is written: 60.0 is 60. */
export function contractNumber<T extends z.ZodType<number>>(schema: T) {
  return z.preprocess((value) => (isExactNumber(value) ? Number(value.rawJSON) : value), schema);
}
