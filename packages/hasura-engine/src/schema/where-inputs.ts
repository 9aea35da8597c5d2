import {
  GraphQLBoolean,
  type GraphQLEnumType,
  type GraphQLInputFieldConfigMap,
  type GraphQLInputObjectType,
  GraphQLInt,
  type GraphQLScalarType,
  GraphQLString,
} from "graphql";
import type { Column, Table } from "../model/model.ts";
import { columnScalar, listOf, required, type SchemaScope } from "./column-types.ts";
import { selectColumn } from "./order-inputs.ts";
import type { SelectAccess } from "./role-access.ts";
import type { TypeRegistry } from "./type-registry.ts";

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
