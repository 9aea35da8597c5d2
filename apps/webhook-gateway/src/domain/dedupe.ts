import { createHash } from "node:crypto";

/**
 * The key that tells repeated deliveries of one trigger: SHA-256 of its kind and value. Standard Webhooks signs the id,
 * so the id alone decides.
 */
export function dedupeKey(kind: "id", value: string): Buffer {
  return createHash("sha256").update(`${kind}\0${value}`).digest();
}
