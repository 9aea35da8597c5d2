import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, printJson } from "../../src/json/exact-json.ts";

test("digits, key order and odd keys survive", () => {
  const text = '{"2":1,"1":12345678901234567890.10,"__proto__":[1e400,-0,0.10],"a\\"b":"\\u00e9\\n"}';

  expect(printJson(parseJson(text))).toBe(
    '{"2":1,"1":12345678901234567890.10,"__proto__":[1e400,-0,0.10],"a\\"b":"é\\n"}',
  );
});

test("reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 1);

      expect(JSON.parse(printJson(parseJson(text)))).toEqual(JSON.parse(text));
    }),
  );
});

test.each(["", "{", "[1,]", '{"a"}', "01", "+1", "nul", '"\n"', '"\\x"', "1 2", "[".repeat(100_000)])(
  "%j is refused",
  (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  },
);
