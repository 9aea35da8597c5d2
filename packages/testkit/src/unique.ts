import { randomBytes } from "node:crypto";

/** A name nobody else has, of lower-case letters, digits and underscores; begins with the prefix. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString("hex")}`;
}

/** The same for slugs and e-mail addresses. */
export function uniqueSlug(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString("hex")}`;
}
