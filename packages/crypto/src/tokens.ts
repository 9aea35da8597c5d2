import { hash, randomBytes } from "node:crypto";

/** An opaque token and what is stored of it. */
export type Token = { token: string; hash: Buffer };

/** `<prefix>` and base64url of 32 random bytes; only the SHA-256 is ever stored. */
export function newToken(prefix: "rt_" | "inv_" | "pwr_" | "ak_" | "lt_"): Token {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`;
  return { token, hash: hashToken(token) };
}

/** SHA-256: enough for tokens of 256 random bits, which nobody can guess by trying. */
export function hashToken(token: string): Buffer {
  return sha256(token);
}

export function sha256(data: string | Buffer): Buffer {
  return hash("sha256", data, "buffer");
}
