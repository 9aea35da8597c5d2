import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { LiveSecret } from "./scheme.ts";

type HmacKey = { bytes: Buffer; label: LiveSecret["label"] };
export type HmacAlgorithm = "sha256" | "sha512";
export type DigestEncoding = "hex" | "base64" | "base64url";

/** A signature that one of the live secrets made, and which one. */
export type Match = { label: LiveSecret["label"]; signature: Buffer };

/** Secrets that are texts: their UTF-8 bytes, as they stand. An empty one is none. */
export function textKeys(secrets: readonly LiveSecret[]): HmacKey[] {
  return secrets
    .filter(({ value }) => value !== "")
    .map(({ value, label }) => ({ bytes: Buffer.from(value, "utf8"), label }));
}

/**
 * Tries every candidate against every key, without an early exit, so that the time tells nothing. An undefined candidate
 * is one that could not be decoded. Of two keys that match the current one is named.
 */
export function matchHmac(
  algorithm: HmacAlgorithm,
  signed: readonly Buffer[],
  candidates: readonly (Buffer | undefined)[],
  keys: readonly HmacKey[],
): Match | undefined {
  let match: Match | undefined;
  for (const { bytes, label } of keys) {
    const expected = digestOf(algorithm, signed, bytes);
    for (const candidate of candidates) {
      const isComparable = candidate?.length === expected.length;
      const equal = timingSafeEqual(isComparable ? candidate : expected, expected) && isComparable;
      if (equal && match?.label !== "CURRENT") match = { label, signature: expected };
    }
  }
  return match;
}

/** What {@link matchHmac} finds equal, written as senders write it; undefined without a secret. */
export function signWithText(
  algorithm: HmacAlgorithm,
  signed: readonly Buffer[],
  secret: string | undefined,
  encoding: DigestEncoding,
): string | undefined {
  if (secret === undefined || secret === "") return undefined;
  return digestOf(algorithm, signed, Buffer.from(secret, "utf8")).toString(encoding);
}

export function digestOf(algorithm: HmacAlgorithm, signed: readonly Buffer[], key: Buffer): Buffer {
  const hmac = createHmac(algorithm, keyObject(key));
  for (const part of signed) hmac.update(part);
  return hmac.digest();
}

const KEYS_MAX = 10_000;
/** No longer than the secrets themselves are kept once they are opened. */
const KEYS_TTL_MS = 5 * 60_000;
const keyObjects = new LRUCache<string, KeyObject>({ max: KEYS_MAX, ttl: KEYS_TTL_MS });

/** Making the object of a key costs four times what the HMAC of a kilobyte does. */
function keyObject(bytes: Buffer): KeyObject {
  const name = bytes.toString("latin1");
  const known = keyObjects.get(name);
  if (known !== undefined) return known;
  const made = createSecretKey(bytes);
  keyObjects.set(name, made);
  return made;
}

/** Undefined for text that is not exactly this encoding of some bytes; padding of base64 may be missing. */
export function decodeDigest(text: string, encoding: DigestEncoding): Buffer | undefined {
  const bytes = Buffer.from(text, encoding);
  const again = bytes.toString(encoding);
  const same = encoding === "hex" ? again === text.toLowerCase() : unpadded(again) === unpadded(text);
  return bytes.length > 0 && same ? bytes : undefined;
}

function unpadded(text: string): string {
  return text.replace(/={1,2}$/, "");
}
