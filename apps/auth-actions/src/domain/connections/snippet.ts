import { createMasker } from "@control-plane/egress";

const CHARACTERS_MAX = 500;
const TEXT_TYPES = /^(text\/|application\/([a-z0-9.+-]*\+)?(json|xml)\b|application\/x-www-form-urlencoded\b)/i;

/** The beginning of an answer for a person to read; null for what is no text. Secrets in it are hidden in every form. */
export function snippetOf(answer: { contentType: string; body: Buffer }, secrets: Iterable<string>): string | null {
  if (!TEXT_TYPES.test(answer.contentType) || answer.body.length === 0) return null;
  // Hidden before anything is cut off: the rest of a secret at the edge would not be known for one.
  const hidden = createMasker(secrets, { lengthMin: 1 }).text(answer.body.toString("utf8"));
  const storable = hidden.replaceAll("\0", "\ufffd").toWellFormed();
  return [...storable].slice(0, CHARACTERS_MAX).join("");
}
