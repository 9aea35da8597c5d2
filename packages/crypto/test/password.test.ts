import { expect, test } from "vitest";
import { hashPassword, hashToken, newToken, passwordNeedsRehash, uuidv7, verifyPassword } from "../src/index.ts";

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
  const results = await Promise.allSettled(Array.from({ length: 215 }, () => hashPassword("a password of the flood")));

  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(208);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(7);
});

test("a token is stored as its hash only", () => {
  const { token, hash } = newToken("rt_");

  expect(token).toMatch(/^rt_[A-Za-z0-9_-]{43}$/);
  expect(hash).toEqual(hashToken(token));
});

test("version 7 ids rise within one process", () => {
  const ids = Array.from({ length: 20_000 }, () => uuidv7());

  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids.slice(0, 100))
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
