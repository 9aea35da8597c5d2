import { describe, expect, test } from "vitest";
import { isJsonValue, jsonValueSchema } from "./json-value.ts";

const nested = (levels: number, open = "[", close = "]"): unknown =>
  JSON.parse(`${open.repeat(levels)}1${close.repeat(levels)}`);

describe("JSON", () => {
  test.for([
    [null],
    [true],
    [-0.5],
    ["text"],
    [[]],
    [{}],
    [{ a: [{ b: null }] }],
    [nested(500)],
    [nested(500, '{"a":', "}")],
    [JSON.parse('{"__proto__": 1}')],
  ])("is %j", ([value]) => {
    expect(isJsonValue(value)).toBe(true);
    expect(jsonValueSchema.parse(value)).toBe(value);
  });

  test.for([
    ["nothing", undefined],
    ["a member that is nothing", { a: undefined }],
    ["a function", () => 1],
    ["a number that is none", Number.NaN],
    ["a number beyond all numbers", JSON.parse("[1e400]")],
    ["a big integer", 1n],
    ["501 levels", nested(501)],
    ["501 levels of objects", nested(501, '{"a":', "}")],
    ["100,000 levels", nested(100_000)],
    [
      "a value that holds itself",
      (() => {
        const ring: unknown[] = [];
        ring.push(ring);
        return ring;
      })(),
    ],
  ] as const)("is not %s", ([, value]) => {
    expect(isJsonValue(value)).toBe(false);
    expect(jsonValueSchema.safeParse(value).success).toBe(false);
  });
});
