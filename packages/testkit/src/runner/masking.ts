import { createMasker, type Masker } from "@control-plane/egress";

/** Of one attempt: hides every value it was told of, from then on. */
export type AttemptMasker = Masker & { hide(secrets: Iterable<string>): void };

export function createAttemptMasker(): AttemptMasker {
  const known = new Set<string>();
  let masker = createMasker(known);
  return {
    text: (text) => masker.text(text),
    value: (value) => masker.value(value),
    hide(secrets) {
      for (const secret of secrets) known.add(secret);
      masker = createMasker(known);
    },
  };
}
