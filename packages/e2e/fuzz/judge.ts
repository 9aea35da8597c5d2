import type { Answer } from "./ask.ts";

/** Names by which rows of the database as it was at the beginning are known: ids, times, marks. */
export type Known = ReadonlySet<string>;

const MADE_LATER = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)/g;

/** Ids and times that a database makes up are no difference between two of them. */
export function withoutMadeUp(text: string, known: Known): string {
  return text.replaceAll(MADE_LATER, (name) => (known.has(name) ? name : "made up"));
}

/** Whether answers say the same; the order of lists that nobody ordered may follow how rows lie. */
export function alike(one: Answer, other: Answer, known: Known): boolean {
  if (one.text === other.text) return true;
  const [a, b] = [one, other].map(({ text }) => withoutMadeUp(text, known));
  return a === b;
}

/** Those of `strangers` that an answer holds although the document cannot have named them into it. */
export function strangersIn(answer: Answer, without: Answer, strangers: readonly string[]): string[] {
  return strangers.filter((stranger) => answer.text.includes(stranger) && !without.text.includes(stranger));
}

/** Whether data tells nothing: empty lists, nulls, zeroes and names of types. */
export function isNothing(value: unknown): boolean {
  if (value === null || value === 0) return true;
  if (Array.isArray(value)) return value.every(isNothing);
  if (typeof value !== "object") return false;
  return Object.entries(value).every(([name, member]) => name === "__typename" || isNothing(member));
}
