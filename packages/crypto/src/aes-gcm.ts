import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { pooledRandomBytes } from "./random-pool.ts";

const IV_BYTES = 12;
const TAG_BYTES = 16;
const NOTHING = Buffer.alloc(0);

/** AES-256-GCM: what it is to begin with, random IV, ciphertext, tag. */
export function encryptAesGcm(
  key: Buffer | KeyObject,
  plaintext: Buffer,
  aad: Buffer,
  prefix: Buffer = NOTHING,
): Buffer {
  const iv = pooledRandomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(aad);
  return Buffer.concat([prefix, iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Throws unless every bit of sealed value and AAD is as it was. */
export function decryptAesGcm(key: Buffer | KeyObject, sealed: Buffer, aad: Buffer): Buffer {
  if (sealed.length < IV_BYTES + TAG_BYTES) throw new Error("a sealed value is too short");
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, sealed.length - TAG_BYTES)), decipher.final()]);
}
