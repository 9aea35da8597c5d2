import { type FragmentDefinitionNode, Kind, type OperationDefinitionNode, type SelectionSetNode, visit } from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { SELECTION_NESTING_MAX } from "./document.ts";

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** Fields and fragment spreads inside each other; a fragment a level is usual. */
const SPREAD_NESTING_MAX = SELECTION_NESTING_MAX * 2;

/**
 * Follows an operation's fragment spreads before anything else of it is looked at, as Hasura does: each must be defined
 * and none may lead back to itself. Each fragment is read once, however often it is spread.
 * @returns the fragments it reaches
 */
export function checkSpreads(operation: OperationDefinitionNode, fragments: Fragments): Fragments {
  const reached = new Map<string, FragmentDefinitionNode>();
  const open: string[] = [];

  const follow = (set: SelectionSetNode, path: string, depth: number): void => {
    if (depth > SPREAD_NESTING_MAX)
      throw new HasuraError(
        "bad-request",
        `the document is nested deeper than ${SELECTION_NESTING_MAX} levels`,
        "$.query",
      );
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) follow(selection.selectionSet, path, depth + 1);
      else if (selection.kind === Kind.FRAGMENT_SPREAD)
        spread(selection.name.value, `${path}.selectionSet.${selection.name.value}`, depth);
      else if (selection.selectionSet !== undefined)
        follow(selection.selectionSet, `${path}.selectionSet.${selection.name.value}`, depth + 1);
    }
  };
  const spread = (name: string, path: string, depth: number): void => {
    const fragment = fragments.get(name);
    if (fragment === undefined)
      throw new HasuraError("validation-failed", `reference to undefined fragment "${name}"`, path);
    if (open.includes(name)) throw cycle(open.slice(open.indexOf(name)), path);
    if (reached.has(name)) return;
    reached.set(name, fragment);
    open.push(name);
    follow(fragment.selectionSet, path, depth + 1);
    open.pop();
  };

  follow(operation.selectionSet, "$", 1);
  return reached;
}

function cycle(names: readonly string[], path: string): HasuraError {
  const [first = "", second, ...others] = names;
  const last = others.pop();
  const listed =
    second === undefined
      ? first
      : last === undefined
        ? `${first} and ${second}`
        : `${[first, second, ...others].join(", ")}, and ${last}`;
  return new HasuraError("validation-failed", `the fragment definition(s) ${listed} form a cycle`, path);
}

/** Names of the variables that an operation and its fragments use, in the order they are met. */
export function variablesUsed(operation: OperationDefinitionNode, fragments: Fragments): ReadonlySet<string> {
  const used = new Set<string>();
  const remember = {
    Variable: (node: { readonly name: { readonly value: string } }) => void used.add(node.name.value),
  };
  for (const directive of operation.directives ?? []) visit(directive, remember);
  for (const { selectionSet } of [operation, ...fragments.values()]) visit(selectionSet, remember);
  return used;
}
