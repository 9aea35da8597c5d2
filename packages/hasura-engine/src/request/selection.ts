import { type DirectiveNode, type FieldNode, Kind, print, type SelectionSetNode } from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { SELECTION_NESTING_MAX } from "./document.ts";
import type { PlanContext } from "./plan-context.ts";

/** One response key of a selection set: all its occurrences, fragments spread and directives decided. */
export type CollectedField = {
  readonly alias: string;
  readonly name: string;
  readonly node: FieldNode;
  readonly selections: readonly SelectionSetNode[] /** `…selectionSet.<field>`. */;
  readonly path: string;
};

/** An inline fragment on another type, kept for remote interfaces and unions. */
export type CollectedFragment = { readonly onType: string; readonly selections: readonly SelectionSetNode[] };

export type Collected = {
  readonly fields: readonly CollectedField[];
  readonly fragments: readonly CollectedFragment[];
};

/**
 * The fields of selection sets on one type, in document order, duplicates merged. `path` is the field's own path; fields
 * stand below `<path>.selectionSet`.
 * @param keep which type conditions other than the type itself are kept as fragments instead of being refused
 */
export function collectFields(
  context: PlanContext,
  sets: readonly SelectionSetNode[],
  typeName: string,
  path: string,
  keep: (typeName: string) => boolean = () => false,
): Collected {
  const fields = new Map<string, { name: string; node: FieldNode; selections: SelectionSetNode[] }>();
  const fragments: CollectedFragment[] = [];
  const own = `${path}.selectionSet`;
  if (path.split(".selectionSet").length - 1 > SELECTION_NESTING_MAX)
    throw new HasuraError(
      "bad-request",
      `the document is nested deeper than ${SELECTION_NESTING_MAX} levels`,
      "$.query",
    );

  const visit = (set: SelectionSetNode, spreading: readonly string[], at: string): void => {
    for (const selection of set.selections) {
      context.countSelection();
      if (!isIncluded(context, selection.directives ?? [], own)) continue;
      if (selection.kind === Kind.FIELD) add(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        spread(selection.typeCondition?.name.value, selection.selectionSet, spreading, at);
      else visitSpread(selection.name.value, spreading, at);
    }
  };
  const visitSpread = (name: string, spreading: readonly string[], at: string): void => {
    const fragment = context.fragments.get(name);
    const place = `${at}.selectionSet.${name}`;
    if (fragment === undefined)
      throw new HasuraError("validation-failed", `reference to undefined fragment "${name}"`, place);
    if (spreading.includes(name)) {
      throw new HasuraError(
        "validation-failed",
        `the fragment definition(s) ${cycleNames(spreading.slice(spreading.indexOf(name)))} form a cycle`,
        place,
      );
    }
    spread(fragment.typeCondition.name.value, fragment.selectionSet, [...spreading, name], place);
  };
  const spread = (
    onType: string | undefined,
    set: SelectionSetNode,
    spreading: readonly string[],
    at: string,
  ): void => {
    if (onType === undefined || onType === typeName) visit(set, spreading, at);
    else if (keep(onType)) fragments.push({ onType, selections: [set] });
  };
  const add = (node: FieldNode): void => {
    const alias = node.alias?.value ?? node.name.value;
    const known = fields.get(alias);
    const selections = node.selectionSet === undefined ? [] : [node.selectionSet];
    if (known === undefined) {
      fields.set(alias, { name: node.name.value, node, selections });
      return;
    }
    refuseConflict(known.node, node, alias, own);
    known.selections.push(...selections);
  };

  for (const set of sets) visit(set, [], path);
  return {
    fields: [...fields].map(([alias, field]) => ({ alias, ...field, path: `${own}.${field.name}` })),
    fragments,
  };
}

function cycleNames(names: readonly string[]): string {
  if (names.length === 1) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function refuseConflict(first: FieldNode, second: FieldNode, alias: string, path: string): void {
  if (first.name.value !== second.name.value) {
    throw new HasuraError(
      "validation-failed",
      `selection of both '${first.name.value}' and '${second.name.value}' specify the same response name, '${alias}'`,
      path,
    );
  }
  if (first !== second && printedArguments(first) !== printedArguments(second)) {
    throw new HasuraError(
      "validation-failed",
      `inconsistent arguments between multiple selections of field '${first.name.value}'`,
      path,
    );
  }
}

/** Kept with the document, so that a long list of arguments is printed once however often its field is repeated. */
const printed = new WeakMap<FieldNode, string>();

function printedArguments(node: FieldNode): string {
  const known = printed.get(node);
  if (known !== undefined) return known;
  const text = (node.arguments ?? [])
    .map((argument) => print(argument))
    .sort()
    .join("\n");
  printed.set(node, text);
  return text;
}

/** `@include` and `@skip`; any other directive does not exist on a selection. */
function isIncluded(context: PlanContext, directives: readonly DirectiveNode[], path: string): boolean {
  let included = true;
  const seen = new Set<string>();
  for (const directive of directives) {
    const name = directive.name.value;
    if (name !== "include" && name !== "skip")
      throw new HasuraError("validation-failed", `directive '${name}' is not defined in the schema`, path);
    if (seen.has(name))
      throw new HasuraError("validation-failed", `the following directives are used more than once: ['${name}']`, path);
    seen.add(name);
    const condition = conditionOf(context, directive, `${path}.${name}`);
    if (name === "include" ? !condition : condition) included = false;
  }
  return included;
}

function conditionOf(context: PlanContext, directive: DirectiveNode, path: string): boolean {
  const value = directive.arguments?.find((argument) => argument.name.value === "if")?.value;
  if (value === undefined) throw new HasuraError("validation-failed", "missing required field 'if'", `${path}.if`);
  if (value.kind === Kind.BOOLEAN) return value.value;
  if (value.kind === Kind.VARIABLE) {
    const variable = context.variables.get(value.name.value, `${path}.if`);
    context.variables.useValue(variable.name);
    if (typeof variable.value === "boolean") return variable.value;
    if (variable.value === undefined && variable.defaultValue?.kind === Kind.BOOLEAN)
      return variable.defaultValue.value;
  }
  throw new HasuraError("validation-failed", "expected a boolean for type 'Boolean'", `${path}.if`);
}
