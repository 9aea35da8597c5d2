import { describe, expect, test } from "vitest";
import { readJson } from "./read-json.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");

describe("JSON that is read", () => {
  test.for([
    ["whole numbers beyond 2^53", "[9007199254740993,-123456789012345678901234567890]"],
    ["fractions with all their digits", '{"a":0.10,"b":[1.0,0.1234567890123456789]}'],
    ["exponents", "[1e400,1E-7,-1.50e+3]"],
    ["minus zero", "-0"],
    ["a number alone", "9007199254740993"],
    [
      "keys that JavaScript knows",
      '{"__proto__":{"p":1.10},"constructor":{"prototype":{"a":1.10}},"a":[{"__proto__":null}]}',
    ],
    ["texts that look like numbers", String.raw`["1.10","\"1.10","\\",1.10,"\u0000",{"1.10":"9007199254740993"}]`],
  ] as const)("is written again as it was: %s", ([, text]) => {
    expect(JSON.stringify(readJson(text))).toBe(text);
    expect(JSON.stringify(readJson(bytes(text)))).toBe(text);
  });

  test("numbers that a double prints alike are doubles", () => {
    expect(readJson(' [ 1 , -2.5 , 9007199254740991 , "1.10" ] ')).toEqual([1, -2.5, 9_007_199_254_740_991, "1.10"]);
  });

  test("no key reaches a prototype", () => {
    const value = readJson('{"__proto__":{"polluted":1.10},"a":{"__proto__":1.10}}');

    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  test.for([
    "",
    "{",
    "[1,]",
    "01",
    "-01",
    "1.",
    ".5",
    "1.e5",
    "-",
    "1e",
    "+1",
    "0x10",
    "NaN",
    "Infinity",
    "1.10.2",
    "1.1-2",
    "1 2",
    '{"a":00000000000000001}',
    '"\n"',
    '"\\x"',
    '"1.10',
    "9007199254740993n",
  ])("%j is refused", (text) => {
    expect(() => readJson(text)).toThrow(SyntaxError);
  });

  test("what is not UTF-8 is refused, a byte order mark is left out", () => {
    expect(() => readJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow(SyntaxError);
    expect(() => readJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow(SyntaxError);
    expect(readJson(Buffer.from([0xef, 0xbb, 0xbf, 0x31]))).toBe(1);
  });

  test("a million levels are read", () => {
    const text = `${"[".repeat(1_000_000)}1.10${"]".repeat(1_000_000)}`;

    expect(Array.isArray(readJson(text))).toBe(true);
  });
});
