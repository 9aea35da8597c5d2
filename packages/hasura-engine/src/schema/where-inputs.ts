import {
  GraphQLBoolean,
  type GraphQLEnumType,
  type GraphQLInputFieldConfigMap,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  type GraphQLScalarType,
  GraphQLString,
} from "graphql";
import { BOOL, INT4, TEXT } from "../catalog/builtin-types.ts";
import type { PgType } from "../catalog/pg-type.ts";
import type { Column, Table } from "../model/model.ts";
import { OPERATOR_NAMES, OPERATORS, operatorFits } from "../model/operators.ts";
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

/** The operators that a column has. The null test and the cast of jsonb to text are no operators of the table. */
function comparisonExp(scope: SchemaScope, column: Column): GraphQLInputObjectType {
  const { types } = scope;
  const scalar = columnScalar(scope, column);
  if (column.enumTable !== undefined) {
    return types.input(`${scalar.name}_comparison_exp`, undefined, () => operatorFields(column.type, scalar, true));
  }
  if (column.type.kind !== "array") return scalarComparisonExp(types, scalar, column.type);
  return types.input(`${scalar.name}_array_comparison_exp`, comparisonDescription(scalar), () =>
    operatorFields(column.type, listOf(scalar), false),
  );
}

function scalarComparisonExp(
  types: TypeRegistry,
  scalar: GraphQLScalarType | GraphQLEnumType,
  type: PgType,
): GraphQLInputObjectType {
  return types.input(`${scalar.name}_comparison_exp`, comparisonDescription(scalar), () => ({
    ...operatorFields(type, scalar, false),
    ...(type.baseName === "jsonb" ? { _cast: { type: castExp(types) } } : {}),
  }));
}

function castExp(types: TypeRegistry): GraphQLInputObjectType {
  return types.input("jsonb_cast_exp", undefined, () => ({
    String: { type: scalarComparisonExp(types, GraphQLString, TEXT) },
  }));
}

function comparisonDescription({ name }: GraphQLScalarType | GraphQLEnumType): string {
  return `Boolean expression to compare columns of type "${name}". All fields are combined with logical 'AND'.`;
}

function operatorFields(type: PgType, value: GraphQLInputType, isEnumReference: boolean): GraphQLInputFieldConfigMap {
  const operands = { value, list: listOf(value), text: GraphQLString, texts: listOf(GraphQLString) };
  const fields: GraphQLInputFieldConfigMap = { _is_null: { type: GraphQLBoolean } };
  for (const name of OPERATOR_NAMES) {
    if (operatorFits(name, type, isEnumReference)) fields[`_${name}`] = { type: operands[OPERATORS[name].operand] };
  }
  return fields;
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
        predicate: {
          type: required(
            kind === "count"
              ? scalarComparisonExp(types, GraphQLInt, INT4)
              : scalarComparisonExp(types, GraphQLBoolean, BOOL),
          ),
        },
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
