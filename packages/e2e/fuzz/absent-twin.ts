import type { Document } from "./generate-document.ts";

/** Names of the other tenant's things, and beside each one that nobody has. */
export type AbsentNames = {
  /** The same document about what is not there; undefined where it names nothing of the other tenant but in `said`. */
  twin(document: Document, said: string): Document | undefined;
  /** A text about the twin's names, as it reads about the other tenant's. */
  asForeign(text: string): string;
};

/**
 * @param names ids and marks of the other tenant. Beside each the absent one differs in its last digit: whatever is sorted
 *   by them keeps its order, and whatever counts their letters its result.
 */
export function absentNames(names: readonly string[]): AbsentNames {
  const absent = new Map(names.map((name) => [name, withOtherEnd(name)]));
  const foreign = new Map([...absent].map(([name, other]) => [other, name]));
  const rename = (text: string, by: ReadonlyMap<string, string>): string => {
    let renamed = text;
    for (const [from, to] of by) renamed = renamed.replaceAll(from, to);
    return renamed;
  };
  return {
    twin({ operation, text, variables }, said) {
      const before = JSON.stringify([text, variables]);
      const named = new Map([...absent].filter(([name]) => before.includes(name) && !said.includes(name)));
      if (named.size === 0) return undefined;
      return { operation, text: rename(text, named), variables: JSON.parse(rename(JSON.stringify(variables), named)) };
    },
    asForeign: (text) => rename(text, foreign),
  };
}

/** Names end in hexadecimal digits. */
function withOtherEnd(name: string): string {
  const last = Number.parseInt(name.slice(-1), 16);
  if (Number.isNaN(last)) throw new Error(`a name does not end in a hexadecimal digit: ${name}`);
  return name.slice(0, -1) + (last ^ 1).toString(16);
}
