import {
  type DirectiveNode,
  type FieldNode,
  GraphQLBoolean,
  GraphQLNonNull,
  Kind,
  print,
  type SelectionSetNode,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { plainBoolean } from "./arguments.ts";
import { SELECTION_NESTING_MAX } from "./document.ts";
import { checkInput } from "./input-value.ts";
import type { PlanContext } from "./plan-context.ts";

/** One response key of a selection set: all its occurrences, fragments spread and directives decided. */
export type CollectedField = {
  readonly alias: string;
  readonly name: string;
  readonly node: FieldNode;
  readonly selections: readonly SelectionSetNode[];
  /** `…selectionSet.<field>`. */
  readonly path: string;
};

/** A fragment on another type, kept for remote interfaces and unions. */
export type CollectedFragment = {
  readonly onType: string;
  readonly selections: readonly SelectionSetNode[];
  /** How many fields stand before it. */
  readonly after: number;
};

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

  const visit = (set: SelectionSetNode): void => {
    for (const selection of set.selections) {
      context.budget.selection(own);
      if (!isIncluded(context, selection.directives ?? [], own)) continue;
      if (selection.kind === Kind.FIELD) add(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        spread(selection.typeCondition?.name.value, selection.selectionSet);
      else {
        const fragment = context.fragments.get(selection.name.value);
        if (fragment !== undefined) spread(fragment.typeCondition.name.value, fragment.selectionSet);
      }
    }
  };
  const spread = (onType: string | undefined, set: SelectionSetNode): void => {
    if (onType === undefined || onType === typeName) visit(set);
    else if (keep(onType)) fragments.push({ onType, selections: [set], after: fields.size });
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

  for (const set of sets) visit(set);
  return {
    fields: [...fields].map(([alias, field]) => ({ alias, ...field, path: `${own}.${field.name}` })),
    fragments,
  };
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
export function isIncluded(context: PlanContext, directives: readonly DirectiveNode[], path: string): boolean {
  refuseDirectives(directives, SELECTION_DIRECTIVES, path);
  let included = true;
  for (const directive of directives) {
    const condition = conditionOf(context, directive, `${path}.${directive.name.value}`);
    if (directive.name.value === "include" ? !condition : condition) included = false;
  }
  return included;
}

const SELECTION_DIRECTIVES = ["include", "skip"];

/** Refuses directives that do not exist in their place, and any that stands there twice. */
export function refuseDirectives(directives: readonly DirectiveNode[], known: readonly string[], path: string): void {
  const seen = new Set<string>();
  for (const { name } of directives) {
    if (!known.includes(name.value))
      throw new HasuraError("validation-failed", `directive '${name.value}' is not defined in the schema`, path);
    if (seen.has(name.value))
      throw new HasuraError(
        "validation-failed",
        `the following directives are used more than once: ['${name.value}']`,
        path,
      );
    seen.add(name.value);
  }
}

const CONDITION = new GraphQLNonNull(GraphQLBoolean);

function conditionOf(context: PlanContext, directive: DirectiveNode, path: string): boolean {
  const node = directive.arguments?.find((argument) => argument.name.value === "if")?.value;
  const value = node === undefined ? undefined : checkInput(context, node, CONDITION, `${path}.if`, false);
  if (value === undefined) throw new HasuraError("validation-failed", "missing required field 'if'", `${path}.if`);
  return plainBoolean(context, value);
}
