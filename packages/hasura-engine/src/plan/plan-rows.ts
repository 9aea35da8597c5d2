import {
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isLeafType,
  isObjectType,
  type SelectionSetNode,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import type { Table } from "../model/model.ts";
import { type Arguments, asEnum, asList, checkArguments, given, plainBoolean, plainText } from "./arguments.ts";
import { refuseIndistinct } from "./distinct-columns.ts";
import { parseJsonPath } from "./json-path.ts";
import type { AggregateField, AggregateOutput, AggregateSelect, ListSelect, RowField, RowSelection } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { planRemoteJoin } from "./plan-remote.ts";
import { planSource, selectFilter } from "./plan-select.ts";
import { requireColumn } from "./plan-where.ts";
import { type CollectedField, collectFields } from "./selection.ts";

/** A field's definition on its type. Throws Hasura's message for a field that the role does not have. */
export function definitionOf(type: GraphQLObjectType, field: CollectedField): GraphQLField<unknown, unknown> {
  const definition = type.getFields()[field.name];
  if (definition === undefined)
    throw new HasuraError("validation-failed", `field '${field.name}' not found in type: '${type.name}'`, field.path);
  return definition;
}

/** The object type behind a field, which must then have a selection. */
export function objectTypeOf(definition: GraphQLField<unknown, unknown>, field: CollectedField): GraphQLObjectType {
  const type = getNamedType(definition.type);
  if (!isObjectType(type)) throw new HasuraError("unexpected", `'${field.name}' is no object`, field.path);
  if (field.selections.length === 0)
    throw new HasuraError(
      "validation-failed",
      `missing selection set for '${type.name}'`,
      `${field.path}.selectionSet`,
    );
  return type;
}

/** A leaf takes no selection. */
export function requireLeaf(definition: GraphQLField<unknown, unknown>, field: CollectedField): void {
  if (isLeafType(getNamedType(definition.type))) refuseSelection(field);
}

export function refuseSelection(field: CollectedField): void {
  if (field.selections.length > 0)
    throw new HasuraError("validation-failed", "unexpected subselection set for non-object field", field.path);
}

export function planRows(
  context: PlanContext,
  table: Table,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
  path: string,
): RowSelection {
  const { fields } = collectFields(context, sets, type.name, path);
  return { table, fields: fields.map((field) => planRowField(context, type, field)) };
}

function planRowField(context: PlanContext, type: GraphQLObjectType, field: CollectedField): RowField {
  const selected = selectedAs(field);
  if (field.name === "__typename") {
    refuseSelection(field);
    return { ...selected, kind: "typename", value: type.name };
  }
  const definition = definitionOf(type, field);
  requireLeaf(definition, field);
  const args = checkArguments(context, field, definition);
  const binding = context.schema.fieldBindings.get(type.name, field.name);
  switch (binding?.kind) {
    case "column": {
      const path = given(args, "path");
      return {
        ...selected,
        kind: "column",
        column: binding.column,
        jsonPath: path === undefined ? undefined : parseJsonPath(plainText(context, path), `${field.path}.args`),
      };
    }
    case "relationship": {
      const { relationship, target } = binding;
      const below = objectTypeOf(definition, field);
      if (relationship.kind === "object") {
        context.budget.subquery(field.path);
        return {
          ...selected,
          kind: "object",
          relationship,
          filter: selectFilter(context, target),
          rows: planRows(context, target, below, field.selections, field.path),
        };
      }
      return { ...selected, kind: "array", relationship, select: planList(context, target, below, args, field) };
    }
    case "relationship-aggregate":
      return {
        ...selected,
        kind: "aggregate",
        relationship: binding.relationship,
        select: planAggregate(context, binding.target, objectTypeOf(definition, field), args, field),
      };
    case "remote-relationship":
      return { ...selected, kind: "remote", join: planRemoteJoin(context, binding, definition, args, field) };
    default:
      throw new HasuraError("unexpected", `'${field.name}' cannot be planned here`, field.path);
  }
}

export function planList(
  context: PlanContext,
  table: Table,
  type: GraphQLObjectType,
  args: Arguments,
  field: CollectedField,
): ListSelect {
  context.budget.subquery(field.path);
  return {
    ...planSource(context, table, args, field.path),
    rows: planRows(context, table, type, field.selections, field.path),
  };
}

export function planAggregate(
  context: PlanContext,
  table: Table,
  type: GraphQLObjectType,
  args: Arguments,
  field: CollectedField,
): AggregateSelect {
  context.budget.subquery(field.path);
  const { fields } = collectFields(context, field.selections, type.name, field.path);
  return {
    ...planSource(context, table, args, field.path),
    fields: fields.map((part) => planAggregateOutput(context, table, type, part)),
  };
}

function planAggregateOutput(
  context: PlanContext,
  table: Table,
  type: GraphQLObjectType,
  field: CollectedField,
): AggregateOutput {
  const selected = selectedAs(field);
  if (field.name === "__typename") {
    refuseSelection(field);
    return { ...selected, kind: "typename", value: type.name };
  }
  const definition = definitionOf(type, field);
  checkArguments(context, field, definition);
  const below = objectTypeOf(definition, field);
  const binding = context.schema.fieldBindings.get(type.name, field.name);
  context.budget.subquery(field.path);
  if (binding?.kind === "nodes")
    return { ...selected, kind: "nodes", rows: planRows(context, table, below, field.selections, field.path) };
  const { fields } = collectFields(context, field.selections, below.name, field.path);
  return {
    ...selected,
    kind: "aggregate",
    fields: fields.map((part) => planAggregateField(context, table, below, part)),
  };
}

function planAggregateField(
  context: PlanContext,
  table: Table,
  type: GraphQLObjectType,
  field: CollectedField,
): AggregateField {
  const selected = selectedAs(field);
  if (field.name === "__typename") {
    refuseSelection(field);
    return { ...selected, kind: "typename", value: type.name };
  }
  const definition = definitionOf(type, field);
  requireLeaf(definition, field);
  const args = checkArguments(context, field, definition);
  const binding = context.schema.fieldBindings.get(type.name, field.name);
  if (binding?.kind === "count") {
    const named = given(args, "columns");
    const columns =
      named === undefined ? [] : asList(named).map((item) => requireColumn(table, asEnum(item), item.path));
    const flag = given(args, "distinct");
    const distinct = flag !== undefined && plainBoolean(context, flag);
    if (distinct) refuseIndistinct(columns, field.path);
    return { ...selected, kind: "count", columns, distinct };
  }
  if (binding?.kind !== "aggregate-function")
    throw new HasuraError("unexpected", `'${field.name}' cannot be planned here`, field.path);
  const below = objectTypeOf(definition, field);
  const { fields } = collectFields(context, field.selections, below.name, field.path);
  return {
    ...selected,
    kind: "function",
    function: binding.function,
    columns: fields.map((part) => {
      const item = selectedAs(part);
      if (part.name === "__typename") return { ...item, kind: "typename" as const, value: below.name };
      requireLeaf(definitionOf(below, part), part);
      return { ...item, kind: "column" as const, column: requireColumn(table, part.name, part.path) };
    }),
  };
}

function selectedAs({ alias, name }: CollectedField): { readonly alias: string; readonly field: string } {
  return { alias, field: name };
}
