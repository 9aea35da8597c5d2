import { describe, expect, test } from "vitest";
import { createMasker, MASK } from "../src/index.ts";

const SECRET = 'p@ss/w"ord +ü\\1~';
const { text, value } = createMasker([SECRET, "sk_live_0123456789", "sk_live"]);

describe("a secret in what comes back", () => {
  test.for([
    ["as it is", SECRET],
    ["in base64", Buffer.from(SECRET).toString("base64")],
    ["in base64url", Buffer.from(SECRET).toString("base64url")],
    ["in hex", Buffer.from(SECRET).toString("hex")],
    ["in upper-case hex", Buffer.from(SECRET).toString("hex").toUpperCase()],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in a form", new URLSearchParams({ s: SECRET }).toString().slice(2).replace("%7E", "~")],
    ["in JSON", JSON.stringify(SECRET).slice(1, -1)],
    ["in JSON with slashes escaped", JSON.stringify(SECRET).slice(1, -1).replaceAll("/", "\\/")],
    ["in ASCII JSON", JSON.stringify(SECRET).slice(1, -1).replace("ü", "\\u00fc")],
  ] as const)("%s is hidden", ([, form]) => {
    expect(text(`before ${form} after`)).toBe(`before ${MASK} after`);
  });

  test("inside a longer base64 value is hidden at each of its three places", () => {
    for (const user of ["u", "us", "use"]) {
      const basic = Buffer.from(`${user}:sk_live_0123456789:tail`).toString("base64");

      const masked = text(basic);

      expect(masked).toContain(MASK);
      expect(Buffer.from(masked.replace(MASK, ""), "base64").toString("latin1")).not.toContain("0123");
    }
  });

  test("leaves nothing of a longer one visible when it is part of it", () => {
    expect(text("sk_live_0123456789 sk_live")).toBe(`${MASK} ${MASK}`);
  });

  test("is hidden in strings, keys and numbers at any depth", () => {
    const masker = createMasker(["12345678"]);

    expect(masker.value({ a: [{ x12345678: 12345678 }], b: 5, c: null, d: true })).toEqual({
      a: [{ [`x${MASK}`]: MASK }],
      b: 5,
      c: null,
      d: true,
    });
  });
});

test("other text stays as it is", () => {
  expect(value({ text: "nothing to see (.*) here", n: 1.5 })).toEqual({ text: "nothing to see (.*) here", n: 1.5 });
  expect(createMasker([]).text("any")).toBe("any");
});

test("a very short secret is hidden only where one asks for it", () => {
  expect(createMasker(["ab"]).text("cab")).toBe("cab");
  expect(createMasker(["ab", ""], { lengthMin: 1 }).text("cab")).toBe(`c${MASK}`);
});
