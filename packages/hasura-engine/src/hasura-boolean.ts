/** Hasura's texts for true and false, in any case; undefined for others. */
export function hasuraBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  if (["true", "t", "yes", "y"].includes(lower)) return true;
  return ["false", "f", "no", "n"].includes(lower) ? false : undefined;
}
