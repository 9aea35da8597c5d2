/** Text of a request that is kept in a row: without U+0000, cut, and never with half a surrogate pair at its end. */
export function keptText(value: string, lengthMax: number): string {
  const clean = value.includes("\0") ? value.replaceAll("\0", "") : value;
  return clean.slice(0, lengthMax).toWellFormed();
}
