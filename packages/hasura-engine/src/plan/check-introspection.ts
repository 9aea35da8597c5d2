import {
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isLeafType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { checkArguments, plainBoolean, plainText } from "./arguments.ts";
import type { PlanContext } from "./plan-context.ts";
import { type CollectedField, isIncluded } from "./selection.ts";

type Known = (type: GraphQLObjectType, set: SelectionSetNode) => boolean;

/** What a document's earlier fields have read: a fragment may stand in thousands of them. */
const readBy = new WeakMap<PlanContext, Map<GraphQLObjectType, Set<SelectionSetNode>>>();

/**
 * Checks the fields and arguments below `__schema` or `__type`. A fragment is read once per type, so that documents in
 * circles cost nothing here.
 */
export function checkIntrospection(context: PlanContext, field: CollectedField): void {
  const read = readBy.get(context) ?? new Map<GraphQLObjectType, Set<SelectionSetNode>>();
  readBy.set(context, read);
  const known: Known = (type, set) => {
    const sets = read.get(type) ?? new Set();
    read.set(type, sets);
    if (sets.has(set)) return true;
    sets.add(set);
    return false;
  };
  checkField(context, field.name === "__schema" ? SchemaMetaFieldDef : TypeMetaFieldDef, field, known);
}

function checkField(
  context: PlanContext,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
  known: Known,
): void {
  for (const [name, value] of checkArguments(context, field, definition)) {
    if (value.kind === "null") continue;
    if (name === "name") plainText(context, value);
    else plainBoolean(context, value);
  }
  const type = getNamedType(definition.type);
  if (isLeafType(type) && field.selections.length > 0)
    throw new HasuraError("validation-failed", "unexpected subselection set for non-object field", field.path);
  if (!isObjectType(type)) return;
  if (field.selections.length === 0)
    throw new HasuraError(
      "validation-failed",
      `missing selection set for '${type.name}'`,
      `${field.path}.selectionSet`,
    );
  for (const set of field.selections) checkSet(context, type, set, `${field.path}.selectionSet`, known);
}

function checkSet(
  context: PlanContext,
  type: GraphQLObjectType,
  set: SelectionSetNode,
  path: string,
  known: Known,
): void {
  if (known(type, set)) return;
  for (const selection of set.selections) {
    if (!isIncluded(context, selection.directives ?? [], path)) continue;
    if (selection.kind === Kind.FIELD) {
      const name = selection.name.value;
      const definition = type.getFields()[name];
      if (name === "__typename") continue;
      if (definition === undefined)
        throw new HasuraError(
          "validation-failed",
          `field '${name}' not found in type: '${type.name}'`,
          `${path}.${name}`,
        );
      const selections = selection.selectionSet === undefined ? [] : [selection.selectionSet];
      checkField(
        context,
        definition,
        { alias: selection.alias?.value ?? name, name, node: selection, selections, path: `${path}.${name}` },
        known,
      );
      continue;
    }
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : context.fragments.get(selection.name.value);
    const onType = fragment?.typeCondition?.name.value;
    if (fragment !== undefined && (onType === undefined || onType === type.name))
      checkSet(context, type, fragment.selectionSet, path, known);
  }
}
