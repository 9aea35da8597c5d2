import {
  GraphQLBoolean,
  type GraphQLEnumType,
  type GraphQLInputFieldConfigMap,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLScalarType,
  GraphQLString,
} from "graphql";
import type { Column, Model, Table } from "../model/model.ts";
import { AGGREGATES, aggregateColumns } from "./aggregates.ts";
import { type RoleAccess, readableKey, type SelectAccess } from "./role-access.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** What the makers of types share. */
export type SchemaScope = { readonly model: Model; readonly access: RoleAccess; readonly types: TypeRegistry };

export const list = (type: GraphQLInputType): GraphQLList<GraphQLInputType> => new GraphQLList(type);
export const listOf = (type: GraphQLInputType): GraphQLList<GraphQLInputType> =>
  new GraphQLList(new GraphQLNonNull(type));
export const required = (type: GraphQLInputType): GraphQLInputType => new GraphQLNonNull(type);

/** Scalar or enum of a column, without list and nullability. */
export function columnScalar({ model, types }: SchemaScope, column: Column): GraphQLScalarType | GraphQLEnumType {
  const enumTable = column.enumTable === undefined ? undefined : model.tables.get(column.enumTable);
  return enumTable === undefined ? types.scalar(column.type.scalar) : enumTableType({ types }, enumTable);
}

/** A column as input: an array column is a list. */
export function columnInput(scope: SchemaScope, column: Column): GraphQLInputType {
  const scalar = columnScalar(scope, column);
  return column.type.kind === "array" ? listOf(scalar) : scalar;
}

export function enumTableType({ types }: Pick<SchemaScope, "types">, table: Table): GraphQLEnumType {
  return types.enumType(`${table.graphqlName}_enum`, undefined, () =>
    Object.fromEntries(
      [...(table.enumValues ?? [])]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([value, description]) => [value, { description }]),
    ),
  );
}

export function boolExp(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  const { access, types } = scope;
  const name = `${table.graphqlName}_bool_exp`;
  return types.input(
    name,
    `Boolean expression to filter rows from the table "${table.name}". All fields are combined with a logical 'AND'.`,
    () => {
      const self = boolExp(scope, table);
      const fields: GraphQLInputFieldConfigMap = {
        _and: { type: listOf(self) },
        _or: { type: listOf(self) },
        _not: { type: self },
      };
      const { select } = access.of(table);
      for (const column of select?.columns ?? []) fields[column.graphqlName] = { type: comparisonExp(scope, column) };
      if (select === undefined) return fields;
      for (const relationship of table.relationships.values()) {
        const target = access.selectable(relationship);
        if (target === undefined) continue;
        fields[relationship.name] = { type: boolExp(scope, target.table) };
        if (relationship.kind === "array" && target.select.aggregations)
          fields[`${relationship.name}_aggregate`] = { type: aggregateBoolExp(scope, target.table, target.select) };
      }
      return fields;
    },
  );
}

const TEXT_TYPES = new Set(["text", "varchar", "bpchar", "citext", "name"]);
const TEXT_OPERATORS = [
  "_like",
  "_nlike",
  "_ilike",
  "_nilike",
  "_similar",
  "_nsimilar",
  "_regex",
  "_nregex",
  "_iregex",
  "_niregex",
];

function comparisonExp(scope: SchemaScope, column: Column): GraphQLInputObjectType {
  const { types } = scope;
  const scalar = columnScalar(scope, column);
  if (column.enumTable !== undefined) {
    return types.input(`${scalar.name}_comparison_exp`, undefined, () => ({
      _eq: { type: scalar },
      _neq: { type: scalar },
      _in: { type: listOf(scalar) },
      _nin: { type: listOf(scalar) },
      _is_null: { type: GraphQLBoolean },
    }));
  }
  const isArray = column.type.kind === "array";
  const value = isArray ? listOf(scalar) : scalar;
  const name = `${scalar.name}${isArray ? "_array" : ""}_comparison_exp`;
  return types.input(
    name,
    `Boolean expression to compare columns of type "${scalar.name}". All fields are combined with logical 'AND'.`,
    () => {
      const fields: GraphQLInputFieldConfigMap = {};
      for (const operator of ["_eq", "_neq", "_gt", "_lt", "_gte", "_lte"]) fields[operator] = { type: value };
      for (const operator of ["_in", "_nin"]) fields[operator] = { type: listOf(value) };
      fields._is_null = { type: GraphQLBoolean };
      if (isArray) Object.assign(fields, { _contains: { type: value }, _contained_in: { type: value } });
      else if (TEXT_TYPES.has(column.type.baseName))
        for (const operator of TEXT_OPERATORS) fields[operator] = { type: scalar };
      else if (column.type.baseName === "jsonb") Object.assign(fields, jsonbOperators(scope, scalar));
      return fields;
    },
  );
}

function jsonbOperators(
  { types }: SchemaScope,
  scalar: GraphQLScalarType | GraphQLEnumType,
): GraphQLInputFieldConfigMap {
  return {
    _contains: { type: scalar },
    _contained_in: { type: scalar },
    _has_key: { type: GraphQLString },
    _has_keys_any: { type: listOf(GraphQLString) },
    _has_keys_all: { type: listOf(GraphQLString) },
    _cast: { type: types.input("jsonb_cast_exp", undefined, () => ({ String: { type: stringComparisonExp(types) } })) },
  };
}

function stringComparisonExp(types: TypeRegistry): GraphQLInputObjectType {
  return types.input(
    "String_comparison_exp",
    "Boolean expression to compare columns of type \"String\". All fields are combined with logical 'AND'.",
    () => {
      const fields: GraphQLInputFieldConfigMap = {
        _in: { type: listOf(GraphQLString) },
        _nin: { type: listOf(GraphQLString) },
        _is_null: { type: GraphQLBoolean },
      };
      for (const operator of ["_eq", "_neq", "_gt", "_lt", "_gte", "_lte", ...TEXT_OPERATORS])
        fields[operator] = { type: GraphQLString };
      return fields;
    },
  );
}

function aggregateBoolExp(scope: SchemaScope, table: Table, select: SelectAccess): GraphQLInputObjectType {
  const { types } = scope;
  const base = table.graphqlName;
  return types.input(`${base}_aggregate_bool_exp`, undefined, () => {
    const part = (kind: "count" | "bool_and" | "bool_or", columns: readonly Column[]): GraphQLInputObjectType =>
      types.input(`${base}_aggregate_bool_exp_${kind}`, undefined, () => ({
        ...(columns.length === 0
          ? {}
          : {
              arguments: {
                type:
                  kind === "count"
                    ? listOf(selectColumn(scope, table))
                    : required(booleanColumn(scope, table, kind, columns)),
              },
            }),
        distinct: { type: GraphQLBoolean },
        filter: { type: boolExp(scope, table) },
        predicate: { type: required(kind === "count" ? intComparisonExp(types) : booleanComparisonExp(types)) },
      }));
    const booleans = select.columns.filter(({ type }) => type.baseName === "bool");
    return {
      count: { type: part("count", select.columns) },
      ...(booleans.length === 0
        ? {}
        : { bool_and: { type: part("bool_and", booleans) }, bool_or: { type: part("bool_or", booleans) } }),
    };
  });
}

function booleanColumn(
  { types }: SchemaScope,
  table: Table,
  kind: string,
  columns: readonly Column[],
): GraphQLEnumType {
  return types.enumType(
    `${table.graphqlName}_select_column_${table.graphqlName}_aggregate_bool_exp_${kind}_arguments_columns`,
    undefined,
    () => Object.fromEntries(columns.map(({ graphqlName }) => [graphqlName, {}])),
  );
}

function intComparisonExp(types: TypeRegistry): GraphQLInputObjectType {
  return plainComparisonExp(types, GraphQLInt);
}
function booleanComparisonExp(types: TypeRegistry): GraphQLInputObjectType {
  return plainComparisonExp(types, GraphQLBoolean);
}
function plainComparisonExp(types: TypeRegistry, scalar: GraphQLScalarType): GraphQLInputObjectType {
  return types.input(
    `${scalar.name}_comparison_exp`,
    `Boolean expression to compare columns of type "${scalar.name}". All fields are combined with logical 'AND'.`,
    () => {
      const fields: GraphQLInputFieldConfigMap = {
        _in: { type: listOf(scalar) },
        _nin: { type: listOf(scalar) },
        _is_null: { type: GraphQLBoolean },
      };
      for (const operator of ["_eq", "_neq", "_gt", "_lt", "_gte", "_lte"]) fields[operator] = { type: scalar };
      return fields;
    },
  );
}

/** Undefined where the role can name no column. */
export function selectColumn({ access, types }: SchemaScope, table: Table): GraphQLEnumType {
  return types.enumType(`${table.graphqlName}_select_column`, `select columns of table "${table.name}"`, () =>
    Object.fromEntries(
      (access.of(table).select?.columns ?? []).map(({ graphqlName }) => [graphqlName, { description: "column name" }]),
    ),
  );
}

export function orderByEnum(types: TypeRegistry): GraphQLEnumType {
  return types.enumType("order_by", "column ordering options", () => ({
    asc: { description: "in ascending order, nulls last" },
    asc_nulls_first: { description: "in ascending order, nulls first" },
    asc_nulls_last: { description: "in ascending order, nulls last" },
    desc: { description: "in descending order, nulls first" },
    desc_nulls_first: { description: "in descending order, nulls first" },
    desc_nulls_last: { description: "in descending order, nulls last" },
  }));
}

export function orderBy(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  const { access, types } = scope;
  return types.input(
    `${table.graphqlName}_order_by`,
    `Ordering options when selecting data from "${table.name}".`,
    () => {
      const fields: GraphQLInputFieldConfigMap = {};
      for (const column of access.of(table).select?.columns ?? [])
        fields[column.graphqlName] = { type: orderByEnum(types) };
      for (const relationship of table.relationships.values()) {
        const target = access.selectable(relationship);
        if (target === undefined) continue;
        if (relationship.kind === "object") fields[relationship.name] = { type: orderBy(scope, target.table) };
        else if (target.select.aggregations)
          fields[`${relationship.name}_aggregate`] = { type: aggregateOrderBy(scope, target.table, target.select) };
      }
      return fields;
    },
  );
}

function aggregateOrderBy({ types }: SchemaScope, table: Table, select: SelectAccess): GraphQLInputObjectType {
  const base = table.graphqlName;
  return types.input(`${base}_aggregate_order_by`, `order by aggregate values of table "${table.name}"`, () => {
    const fields: GraphQLInputFieldConfigMap = { count: { type: orderByEnum(types) } };
    for (const name of AGGREGATES) {
      const columns = aggregateColumns(select, name);
      if (columns.length === 0) continue;
      fields[name] = {
        type: types.input(`${base}_${name}_order_by`, `order by ${name}() on columns of table "${table.name}"`, () =>
          Object.fromEntries(columns.map(({ graphqlName }) => [graphqlName, { type: orderByEnum(types) }])),
        ),
      };
    }
    return fields;
  });
}

// --- Mutations ------------------------------------------------------------------------------------------------------

export function insertInput(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  const { access, types } = scope;
  return types.input(
    `${table.graphqlName}_insert_input`,
    `input type for inserting data into table "${table.name}"`,
    () => {
      const fields: GraphQLInputFieldConfigMap = {};
      for (const column of writableColumns(access.of(table).insert))
        fields[column.graphqlName] = { type: columnInput(scope, column) };
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
export function writableColumns(
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

const INCREMENTABLE = new Set(["int2", "int4", "int8", "float4", "float8", "numeric", "money"]);

/** Columns each update operator can work on, for the role. */
export function updateColumns(columns: readonly Column[], operator: UpdateOperatorName): readonly Column[] {
  if (operator === "_set") return columns;
  if (operator === "_inc") return columns.filter(({ type }) => INCREMENTABLE.has(type.baseName));
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
    const type = types.input(`${base}${operator}_input`, undefined, () =>
      Object.fromEntries(own.map((column) => [column.graphqlName, { type: operandType(scope, column, operator) }])),
    );
    fields[operator] = { type };
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
          { type: required(columnInput(scope, column)) },
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

export function streamCursorInput(scope: SchemaScope, table: Table): GraphQLInputObjectType {
  const { access, types } = scope;
  const base = table.graphqlName;
  return types.input(`${base}_stream_cursor_input`, `Streaming cursor of the table "${table.name}"`, () => ({
    initial_value: {
      type: required(
        types.input(
          `${base}_stream_cursor_value_input`,
          "Initial value of the column from where the streaming should start",
          () =>
            Object.fromEntries(
              (access.of(table).select?.columns ?? []).map((column) => [
                column.graphqlName,
                { type: columnInput(scope, column) },
              ]),
            ),
        ),
      ),
    },
    ordering: {
      type: types.enumType("cursor_ordering", "ordering argument of a cursor", () => ({
        ASC: { description: "ascending ordering of the cursor" },
        DESC: { description: "descending ordering of the cursor" },
      })),
    },
  }));
}
