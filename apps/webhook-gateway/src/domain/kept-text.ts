/** Text of a request that is kept in a row: without U+0000, cut, and never with half a surrogate pair at its end. */
export function keptText(value: string, lengthMax: number): string {
  return value.replaceAll("\0", "").slice(0, lengthMax).toWellFormed();
}
