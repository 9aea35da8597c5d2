import { type ASTNode, type DocumentNode, parse, print, visit } from "graphql";
import type { Document } from "./generate-document.ts";

/** A smaller document of which the same holds: without selections, arguments, members and items that do not matter. */
export async function shrink(
  document: Document,
  triesMax: number,
  holds: (smaller: Document) => Promise<boolean>,
): Promise<Document> {
  let smallest = document;
  let tries = 0;
  for (let place = 0; tries < triesMax; ) {
    const smaller = withoutPart(smallest, place);
    if (smaller === undefined) break;
    tries += 1;
    if (await holds(smaller)) smallest = smaller;
    else place += 1;
  }
  return smallest;
}

const REMOVABLE: readonly string[] = ["Field", "Argument", "ObjectField", "InlineFragment", "FragmentSpread"];

/** Without the part at a place, in the order in which parts stand in the document; undefined beyond the last. */
function withoutPart(document: Document, place: number): Document | undefined {
  let index = -1;
  let removed = false;
  const smaller = visit(parse(document.text, { noLocation: true }), {
    enter(node: ASTNode) {
      if (!REMOVABLE.includes(node.kind)) return undefined;
      index += 1;
      if (index !== place) return undefined;
      removed = true;
      return null;
    },
  });
  if (!removed) return undefined;
  const tidy = withoutUnused(smaller);
  const named = new Set<string>();
  visit(tidy, { VariableDefinition: ({ variable }) => void named.add(variable.name.value) });
  return {
    operation: document.operation,
    text: print(tidy),
    variables: Object.fromEntries(Object.entries(document.variables).filter(([name]) => named.has(name))),
  };
}

/** Selections that became empty, and variables and fragments that nothing uses any more, go too. */
function withoutUnused(document: DocumentNode): DocumentNode {
  const used = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => void used.add(`$${name.value}`),
    FragmentSpread: ({ name }) => void used.add(name.value),
  });
  return visit(document, {
    VariableDefinition: ({ variable }) => (used.has(`$${variable.name.value}`) ? undefined : null),
    FragmentDefinition: ({ name }) => (used.has(name.value) ? undefined : null),
  });
}
