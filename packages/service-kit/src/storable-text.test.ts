import { expect, test } from "vitest";
import { nameText, storableText } from "./storable-text.ts";

test.each([
  ["U+0000", "a\u0000"],
  ["a high surrogate alone", "a\ud800"],
  ["a low surrogate alone", "\udc00a"],
  ["more than the bound", "x".repeat(121)],
  ["nothing", ""],
])("%s is refused", (_what, text) => {
  expect(storableText(120).safeParse(text).success).toBe(false);
});

test.each([
  ["right-to-left text", "\u202eשלום"],
  ["a pair of surrogates", "😀"],
  ["the bound itself", "x".repeat(120)],
])("%s is text like any other", (_what, text) => {
  expect(storableText(120).parse(text)).toBe(text);
});

test("a name is taken without the blanks around it, and must be more than blanks", () => {
  expect(nameText(120).parse("  Ada ")).toBe("Ada");
  expect(nameText(120).safeParse("   ").success).toBe(false);
});
