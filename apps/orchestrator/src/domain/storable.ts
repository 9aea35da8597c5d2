/** The most that PostgreSQL's `integer` holds. */
export const INTEGER_MAX = 2_147_483_647;

/** The gateway's limit for webhook bodies, so that every way into a run agrees. */
const NESTING_MAX = 500;

/** Digits that exponents may add when PostgreSQL writes numbers out: `1e300` is 301 characters to every reader. */
const WRITTEN_OUT_DIGITS_MAX = 1_048_576;

/** With the u flag paired surrogates are one character and do not match. */
const UNPAIRED_SURROGATE = /\p{Surrogate}/u;

/**
 * Why PostgreSQL, or a reader behind it, could not hold a JSON value; undefined when they can. Comes before any schema that
 * recurses: this walk keeps its own stack, so hostile nesting cannot exhaust the process's.
 */
export function storageProblem(value: unknown): string | undefined {
  const open: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  let writtenOut = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value === "string" && !isStorableText(next.value)) return TEXT_PROBLEM;
    if (typeof next.value === "number" && next.value !== 0) writtenOut += Math.abs(Math.log10(Math.abs(next.value)));
    if (writtenOut > WRITTEN_OUT_DIGITS_MAX) return "its numbers are too large when written out";
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth > NESTING_MAX) return `nested deeper than ${NESTING_MAX} levels`;
    for (const [key, member] of Object.entries(next.value)) {
      if (!isStorableText(key)) return TEXT_PROBLEM;
      open.push({ value: member, depth: next.depth + 1 });
    }
  }
  return undefined;
}

const TEXT_PROBLEM = "has U+0000 or an unpaired surrogate";

function isStorableText(text: string): boolean {
  return !text.includes("\0") && !UNPAIRED_SURROGATE.test(text);
}
