import { describe, expect, test } from "vitest";
import { hashToken, hmacSha256, newToken, sha256, uuidv7 } from "../src/index.ts";

describe("a token", () => {
  test.for(["rt_", "inv_", "pwr_", "lt_"] as const)("of kind %s is its prefix and 32 random bytes", (prefix) => {
    const { token, hash } = newToken(prefix);

    expect(token.startsWith(prefix)).toBe(true);
    expect(token.slice(prefix.length)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(token.slice(prefix.length), "base64url")).toHaveLength(32);
    expect(hash).toEqual(sha256(token));
    expect(hashToken(token)).toEqual(hash);
    expect(hash).toHaveLength(32);
  });

  test("is never given twice", () => {
    expect(new Set(Array.from({ length: 10_000 }, () => newToken("rt_").token)).size).toBe(10_000);
  });
});

test("SHA-256 is the standard's", () => {
  expect(sha256("abc").toString("hex")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(sha256(Buffer.from("ä")).equals(sha256("ä"))).toBe(true);
});

/** RFC 4231, test cases 1 to 4, 6 and 7 of HMAC-SHA-256. */
test.for([
  ["0b".repeat(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    Buffer.from("Jefe").toString("hex"),
    "what do ya want for nothing?",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  ["aa".repeat(20), Buffer.alloc(50, 0xdd), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
  [
    "0102030405060708090a0b0c0d0e0f10111213141516171819",
    Buffer.alloc(50, 0xcd),
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  ],
  [
    "aa".repeat(131),
    "Test Using Larger Than Block-Size Key - Hash Key First",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    "aa".repeat(131),
    "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
] as const)("HMAC-SHA-256 with the key %s is the standard's", ([key, data, digest]) => {
  expect(hmacSha256(Buffer.from(key, "hex"), data).toString("hex")).toBe(digest);
});

describe("an id made by this process", () => {
  test("is a version 7 id of this moment", () => {
    const before = Date.now();
    const id = uuidv7();

    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    // Ids of a busy process may run ahead of the clock by what they counted over.
    expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBeGreaterThanOrEqual(before);
  });

  test("is larger than the one before, also when 4,096 of one millisecond are used up", () => {
    const ids = Array.from({ length: 50_000 }, () => uuidv7());

    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
