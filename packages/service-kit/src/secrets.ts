import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Whether a presented secret is one of the accepted ones, in a time that depends on neither: digests of equal length are
 * compared, and every candidate is compared whatever the ones before said.
 */
export function secretMatches(presented: string | undefined, accepted: readonly string[]): boolean {
  const digest = sha256(presented ?? "");
  let matches = false;
  for (const candidate of accepted) {
    if (timingSafeEqual(digest, sha256(candidate))) matches = true;
  }
  return matches && presented !== undefined && presented !== "";
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
