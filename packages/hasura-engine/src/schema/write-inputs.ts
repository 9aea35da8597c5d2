import {
  type GraphQLInputFieldConfigMap,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLString,
} from "graphql";
import { NUMERIC_TYPES } from "../catalog/pg-type.ts";
import type { Column, Table } from "../model/model.ts";
import { columnInput, listOf, required, type SchemaScope } from "./column-types.ts";
import { readableKey } from "./role-access.ts";
import { boolExp } from "./where-inputs.ts";

// --- Mutations ------------------------------------------------------------------------------------------------------

export function insertInput(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  const { access, types } = scope;
  return types.input(
    `${table.graphqlName}_insert_input`,
    `input type for inserting data into table "${table.name}"`,
    () => {
      const fields: GraphQLInputFieldConfigMap = {};
      for (const column of writableColumns(access.of(table).insert))
        fields[column.graphqlName] = { type: columnInput(scope, column), description: column.comment };
      for (const relationship of table.relationships.values()) {
        const target = scope.model.tables.get(relationship.target);
        if (target === undefined || access.of(target).insert === undefined) continue;
        fields[relationship.name] = { type: relationInput(scope, target, relationship.kind) };
      }
      return fields;
    },
  );
}

/** Columns a client may give: those of the permission, less the preset ones. */
function writableColumns(
  permission:
    | { readonly columns: readonly Column[]; readonly presets: readonly { readonly column: Column }[] }
    | undefined,
): readonly Column[] {
  if (permission === undefined) return [];
  const preset = new Set(permission.presets.map(({ column }) => column.name));
  return permission.columns.filter(({ name }) => !preset.has(name));
}

function relationInput(scope: SchemaScope, target: Table, kind: "object" | "array"): GraphQLInputObjectType {
  const name = `${target.graphqlName}_${kind === "object" ? "obj" : "arr"}_rel_insert_input`;
  return scope.types.input(name, `input type for inserting ${kind} relation for remote table "${target.name}"`, () => {
    const data = insertInput(scope, target);
    const conflict = onConflict(scope, target);
    return {
      data: { type: required(kind === "object" ? data : listOf(data)) },
      ...(conflict === undefined ? {} : { on_conflict: { type: conflict, description: "upsert condition" } }),
    };
  });
}

/** Undefined where the table has neither primary key nor unique constraint. */
export function onConflict(scope: SchemaScope, table: Table): GraphQLInputObjectType | undefined {
  if (table.uniqueConstraints.length === 0) return undefined;
  const { access, types } = scope;
  const base = table.graphqlName;
  return types.input(`${base}_on_conflict`, `on_conflict condition type for table "${table.name}"`, () => {
    const columns = writableColumns(access.of(table).update);
    const constraint = types.enumType(
      `${base}_constraint`,
      `unique or primary key constraints on table "${table.name}"`,
      () =>
        Object.fromEntries(
          table.uniqueConstraints.map((item) => [
            item.name,
            {
              description: `unique or primary key constraint on columns ${item.columns.map(({ name }) => `"${name}"`).join(", ")}`,
            },
          ]),
        ),
    );
    const updateColumn = types.enumType(`${base}_update_column`, `update columns of table "${table.name}"`, () =>
      columns.length === 0
        ? { _PLACEHOLDER: { description: "placeholder (do not use)" } }
        : Object.fromEntries(columns.map(({ graphqlName }) => [graphqlName, { description: "column name" }])),
    );
    return {
      constraint: { type: required(constraint) },
      update_columns: { type: required(listOf(updateColumn)), defaultValue: [] },
      where: { type: boolExp(scope, table) },
    };
  });
}

export const UPDATE_OPERATORS = [
  "_set",
  "_inc",
  "_append",
  "_prepend",
  "_delete_key",
  "_delete_elem",
  "_delete_at_path",
] as const;
export type UpdateOperatorName = (typeof UPDATE_OPERATORS)[number];

/** Hasura's words for what an operator does; but for the first two its input type has the same. */
const OPERATOR_DESCRIPTIONS = {
  _set: "sets the columns of the filtered rows to the given values",
  _inc: "increments the numeric columns with given value of the filtered values",
  _append: "append existing jsonb value of filtered columns with new jsonb value",
  _prepend: "prepend existing jsonb value of filtered columns with new jsonb value",
  _delete_key: "delete key/value pair or string element. key/value pairs are matched based on their key value",
  _delete_elem:
    "delete the array element with specified index (negative integers count from the end). throws an error if top level container is not an array",
  _delete_at_path:
    "delete the field or element with specified path (for JSON arrays, negative integers count from the end)",
} as const satisfies Record<UpdateOperatorName, string>;

function operandDescription(table: Table, operator: UpdateOperatorName): string {
  if (operator === "_set") return `input type for updating data in table "${table.name}"`;
  if (operator === "_inc") return `input type for incrementing numeric columns in table "${table.name}"`;
  return OPERATOR_DESCRIPTIONS[operator];
}

/** Columns each update operator can work on, for the role. */
function updateColumns(columns: readonly Column[], operator: UpdateOperatorName): readonly Column[] {
  if (operator === "_set") return columns;
  if (operator === "_inc") return columns.filter(({ type }) => NUMERIC_TYPES.has(type.baseName));
  return columns.filter(({ type }) => type.baseName === "jsonb");
}

/** The update operators a role can use on a table, as arguments or as fields of `t_updates`. */
export function updateOperators(scope: SchemaScope, table: Table): GraphQLInputFieldConfigMap {
  const { access, types } = scope;
  const base = table.graphqlName;
  const columns = writableColumns(access.of(table).update);
  const fields: GraphQLInputFieldConfigMap = {};
  for (const operator of UPDATE_OPERATORS) {
    const own = updateColumns(columns, operator);
    if (own.length === 0) continue;
    const type = types.input(`${base}${operator}_input`, operandDescription(table, operator), () =>
      Object.fromEntries(
        own.map((column) => [
          column.graphqlName,
          { type: operandType(scope, column, operator), description: column.comment },
        ]),
      ),
    );
    fields[operator] = { type, description: OPERATOR_DESCRIPTIONS[operator] };
  }
  return fields;
}

function operandType(scope: SchemaScope, column: Column, operator: UpdateOperatorName): GraphQLInputType {
  switch (operator) {
    case "_delete_key":
      return GraphQLString;
    case "_delete_elem":
      return GraphQLInt;
    case "_delete_at_path":
      return listOf(GraphQLString);
    default:
      return columnInput(scope, column);
  }
}

export function pkColumnsInput(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  return scope.types.input(
    `${table.graphqlName}_pk_columns_input`,
    `primary key columns input for table: ${table.name}`,
    () =>
      Object.fromEntries(
        (readableKey(scope.access.of(table)) ?? []).map((column) => [
          column.graphqlName,
          { type: required(columnInput(scope, column)), description: column.comment },
        ]),
      ),
  );
}

export function updatesInput(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  return scope.types.input(`${table.graphqlName}_updates`, undefined, () => ({
    where: { type: required(boolExp(scope, table)), description: "filter the rows which have to be updated" },
    ...updateOperators(scope, table),
  }));
}
