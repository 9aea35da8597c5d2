import { createSecretKey, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decryptAesGcm, encryptAesGcm } from "../src/aes-gcm.ts";

type Case = {
  tcId: number;
  comment: string;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: string;
};
const { tests }: { tests: Case[] } = JSON.parse(
  readFileSync(new URL("wycheproof-aes-256-gcm.json", import.meta.url), "utf8"),
);
const hex = (text: string): Buffer => Buffer.from(text, "hex");

test.for(tests.map((item) => [item.tcId, item.comment, item] as const))("Wycheproof case %i %s", ([, , item]) => {
  const sealed = Buffer.concat([hex(item.iv), hex(item.ct), hex(item.tag)]);
  const open = () => decryptAesGcm(hex(item.key), sealed, hex(item.aad));

  if (item.result === "valid") expect(open()).toEqual(hex(item.msg));
  else expect(open).toThrow();
});

test("the Wycheproof cases are all there", () => {
  expect(tests).toHaveLength(66);
  expect(tests.filter(({ result }) => result === "invalid")).toHaveLength(27);
});

test("what is encrypted opens with its key and its associated data alone", () => {
  const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const sealed = encryptAesGcm(key, Buffer.from("plain"), Buffer.from("aad"));

  expect(decryptAesGcm(key, sealed, Buffer.from("aad")).toString()).toBe("plain");
  expect(() => decryptAesGcm(other, sealed, Buffer.from("aad"))).toThrow();
  expect(() => decryptAesGcm(key, sealed, Buffer.from("aa"))).toThrow();
  expect(() => decryptAesGcm(key, Buffer.alloc(27), Buffer.from("aad"))).toThrow("too short");
  expect(() => encryptAesGcm(Buffer.alloc(16), Buffer.from("plain"), Buffer.alloc(0))).toThrow();
});

test("a million encryptions under one key repeat no IV", { timeout: 240_000 }, () => {
  // As the services hold it: a key that is made anew each time would be most of the work.
  const key = createSecretKey(randomBytes(32));
  const nothing = Buffer.alloc(0);
  // Eight of an IV's twelve bytes are enough: by chance two in a million are alike once in 36 million runs.
  const starts = new BigUint64Array(1_000_000);

  for (let n = 0; n < starts.length; n++) starts[n] = encryptAesGcm(key, nothing, nothing).readBigUInt64LE(0);

  starts.sort();
  expect(starts.findIndex((start, n) => n > 0 && start === starts[n - 1])).toBe(-1);
});
