import { readJson } from "@control-plane/service-kit/read-json";
import { describe, expect, test } from "vitest";
import { storageProblem, storageProblemOfText } from "./storable-json.ts";

const nested = (levels: number, open = "[", close = "]") => `${open.repeat(levels)}1${close.repeat(levels)}`;

describe("JSON that PostgreSQL and its readers can hold", () => {
  test.for([
    ["a scalar", "null"],
    ["numbers of any kind", "[0, -0.5, 12e3, 1E-7, 9007199254740993]"],
    ["numbers just small enough to be written out", `[1e999, 1e-999, ${"9".repeat(1_000)}]`],
    ["every way to escape", String.raw`"\" \\ \/ \b \f \n \r \t \u00e9 \ud83d\ude00"`],
    ["a backslash before what looks like an escape", String.raw`["\\u0000", "\\\\"]`],
    ["brackets and digits inside strings", '["[[[{{{", "1e999", "-"]'],
    ["500 levels", nested(500)],
    ["500 levels of objects", nested(500, '{"a":', "}")],
    ["many levels beside each other", `[${Array(600).fill("[[]]").join(",")}]`],
  ] as const)("is %s, as text and as value", ([, json]) => {
    expect(storageProblemOfText(json)).toBeUndefined();
    expect(storageProblem(readJson(json))).toBeUndefined();
  });

  test.for([
    ["U+0000 in a text", String.raw`["a\u0000b"]`, /U\+0000/],
    ["U+0000 in a key", String.raw`{"a\u0000b": 1}`, /U\+0000/],
    ["the first half of a pair", String.raw`"\ud83d"`, /surrogate/],
    ["the second half of a pair in a key", String.raw`{"\ude00": 1}`, /surrogate/],
    ["501 levels", nested(501), /deeper than 500/],
    ["501 levels of objects", nested(501, '{"a":', "}"), /deeper than 500/],
    ["100,000 levels", nested(100_000), /deeper than 500/],
    ["a number beyond all numbers", "[1e400000]", /too large/],
    ["a number of 1,001 digits when written out", "[-1.5e1000]", /too large/],
    ["a number of 1,001 digits", `[${"9".repeat(1_001)}]`, /too large/],
    [
      "a number of 1,001 digits in the midst of others",
      `["${"x".repeat(700)}", ${"9".repeat(1_001)}, "${"x".repeat(700)}"]`,
      /too large/,
    ],
    ["numbers that together are huge when written out", `[${Array(4_000).fill("1e300").join(",")}]`, /too large/],
    ["numbers that together are tiny when written out", `[${Array(4_000).fill("1e-300").join(",")}]`, /too large/],
  ] as const)("is not %s, as text or as value", ([, json, problem]) => {
    expect(storageProblemOfText(json)).toMatch(problem);
    expect(storageProblem(readJson(json))).toMatch(problem);
  });

  test.for(["1e9999", " -1E9999", "[0,1e9999]", '{"a":1.5e9999}', '{"a":\n-1e9999}', "[1,\t2e9999]"])(
    "is no number beyond all numbers, wherever it stands: %j",
    (json) => {
      expect(storageProblemOfText(json)).toMatch(/too large/);
    },
  );
});
