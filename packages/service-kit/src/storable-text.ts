import { z } from "zod";

/** PostgreSQL's text holds every character but U+0000; half a surrogate pair has no UTF-8 form at all. */
export function isStorableText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/**
 * The one rule for text that comes from outside: storable, and between `min` and `max` UTF-16 code units. Every text
 * argument of every action and route is made of it, or of a format that is narrower (uuid, enum, pattern).
 */
export function storableText(max: number, min = 1): z.ZodString {
  return z.string().min(min).max(max).refine(isStorableText, "has U+0000 or half a surrogate pair");
}

/** A name that people read: surrounding blanks are not part of it. */
export function nameText(max: number): z.ZodString {
  return storableText(max).trim().min(1);
}
