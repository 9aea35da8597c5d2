import { createHash, randomBytes } from "node:crypto";

/** An opaque token and what is stored of it. */
export type Token = { token: string; hash: Buffer };

/** `<prefix>` and base64url of 32 random bytes; only the SHA-256 is ever stored. */
export function newToken(prefix: "rt_" | "inv_" | "pwr_" | "lt_"): Token {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`;
  return { token, hash: hashToken(token) };
}

/** SHA-256: enough for tokens of 256 random bits, which nobody can guess by trying. */
export function hashToken(token: string): Buffer {
  return sha256(token);
}

export function sha256(data: string | Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}

let lastMs = 0;
let counter = 0;

/**
 * A time-ordered id (RFC 9562, version 7) for rows whose id must be known before they are inserted. Ids of one process
 * rise strictly: within a millisecond the 12 bits behind the time count up.
 */
export function uuidv7(): string {
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = randomBytes(1).readUInt8(0);
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
