import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { hashPassword, passwordNeedsRehash, verifyPassword } from "../src/index.ts";

test("a stored hash is argon2id with the wanted parameters", async () => {
  const stored = await hashPassword("correct horse battery staple");

  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(passwordNeedsRehash(stored)).toBe(false);
  expect(await verifyPassword(stored, "correct horse battery staple")).toBe(true);
  expect(await verifyPassword(stored, "Correct horse battery staple")).toBe(false);
});

test("weaker parameters are noticed", () => {
  expect(passwordNeedsRehash("$argon2id$v=19$m=4096,t=2,p=1$c2FsdA$aGFzaA")).toBe(true);
  expect(passwordNeedsRehash("$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$aGFzaA")).toBe(true);
});

test("a flood of passwords is worked off, and beyond the queue refused", async () => {
  const room = 2 * Math.min(8, availableParallelism()) + 200;
  const flood = Array.from({ length: room + 7 }, () => hashPassword("a password of the flood"));

  const results = await Promise.allSettled(flood);

  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(room);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(7);
});

test("one password gives another hash each time", async () => {
  const [one, other] = [await hashPassword("a password twice"), await hashPassword("a password twice")];

  expect(one).not.toBe(other);
  expect(await verifyPassword(other, "a password twice")).toBe(true);
});

test.for(["", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"])(
  "a stored text that is no argon2id hash needs a new one: %j",
  (stored) => {
    expect(passwordNeedsRehash(stored)).toBe(true);
  },
);

test("a text that is no hash is no wrong password", async () => {
  await expect(verifyPassword("plain", "plain")).rejects.toThrow();
});

test("stronger parameters than ours need no new hash", () => {
  expect(passwordNeedsRehash("$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA")).toBe(false);
});
