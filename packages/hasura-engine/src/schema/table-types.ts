import {
  GraphQLBoolean,
  type GraphQLFieldConfigArgumentMap,
  type GraphQLFieldConfigMap,
  GraphQLFloat,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLString,
} from "graphql";
import { isJsonType } from "../catalog/pg-type.ts";
import type { Column, Table } from "../model/model.ts";
import { AGGREGATES, aggregateColumns, type ColumnAggregate } from "./aggregates.ts";
import { columnScalar, listOf, type SchemaScope } from "./column-types.ts";
import type { FieldBindings } from "./field-binding.ts";
import { orderBy, selectColumn } from "./order-inputs.ts";
import type { SelectAccess } from "./role-access.ts";
import { sorted } from "./type-registry.ts";
import { boolExp } from "./where-inputs.ts";

/** What makers of output types share. */
export type OutputScope = SchemaScope & {
  readonly fieldBindings: FieldBindings;
  /** Output type of a remote relationship for this role; undefined where the role does not see it. */
  readonly remoteField: (
    table: Table,
    name: string,
  ) => { readonly type: GraphQLOutputType; readonly args: GraphQLFieldConfigArgumentMap } | undefined;
};

type Fields = GraphQLFieldConfigMap<unknown, unknown>;

export const many = (type: GraphQLOutputType): GraphQLOutputType =>
  new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(type)));
export const nonNull = (type: GraphQLOutputType): GraphQLOutputType => new GraphQLNonNull(type);

/** The object type of a table, with what the role may read. */
export function tableType(scope: OutputScope, table: Table): GraphQLObjectType {
  const { types } = scope;
  const name = table.graphqlName;
  return types.object(
    name,
    () =>
      new GraphQLObjectType({
        name,
        description: table.comment ?? `columns and relationships of "${table.name}"`,
        fields: () => sorted(tableFields(scope, table)),
      }),
  );
}

function tableFields(scope: OutputScope, table: Table): Fields {
  const { access, fieldBindings } = scope;
  const type = table.graphqlName;
  const fields: Fields = {};
  const { select } = access.of(table);
  for (const column of select?.columns ?? []) {
    fieldBindings.set(type, column.graphqlName, { kind: "column", column });
    fields[column.graphqlName] = {
      type: columnOutput(scope, column),
      description: column.comment,
      args: isJsonType(column.type) ? { path: { type: GraphQLString, description: "JSON select path" } } : {},
    };
  }
  for (const relationship of table.relationships.values()) {
    const target = access.selectable(relationship);
    if (target === undefined) continue;
    fieldBindings.set(type, relationship.name, { kind: "relationship", relationship, target: target.table });
    if (relationship.kind === "object") {
      const object = tableType(scope, target.table);
      fields[relationship.name] = {
        type: relationship.required ? nonNull(object) : object,
        description: relationship.comment ?? "An object relationship",
      };
      continue;
    }
    fields[relationship.name] = {
      type: many(tableType(scope, target.table)),
      args: selectArguments(scope, target.table),
      description: relationship.comment ?? "An array relationship",
    };
    if (!target.select.aggregations) continue;
    const aggregate = `${relationship.name}_aggregate`;
    fieldBindings.set(type, aggregate, { kind: "relationship-aggregate", relationship, target: target.table });
    fields[aggregate] = {
      type: nonNull(aggregateType(scope, target.table, target.select)),
      args: selectArguments(scope, target.table),
      description: "An aggregate relationship",
    };
  }
  for (const relationship of table.remoteRelationships.values()) {
    const remote = scope.remoteField(table, relationship.name);
    if (remote !== undefined) fields[relationship.name] = remote;
  }
  return fields;
}

function columnOutput(scope: OutputScope, column: Column): GraphQLOutputType {
  const scalar = columnScalar(scope, column);
  const type = column.type.kind === "array" ? new GraphQLList(new GraphQLNonNull(scalar)) : scalar;
  return column.nullable ? type : new GraphQLNonNull(type);
}

/** Arguments of lists and aggregates. */
export function selectArguments(scope: SchemaScope, table: Table): GraphQLFieldConfigArgumentMap {
  const hasColumns = (scope.access.of(table).select?.columns.length ?? 0) > 0;
  return sorted({
    ...(hasColumns
      ? { distinct_on: { type: listOf(selectColumn(scope, table)), description: "distinct select on columns" } }
      : {}),
    limit: { type: GraphQLInt, description: "limit the number of rows returned" },
    offset: { type: GraphQLInt, description: "skip the first n rows. Use only with order_by" },
    ...(hasColumns
      ? { order_by: { type: listOf(orderBy(scope, table)), description: "sort the rows by one or more columns" } }
      : {}),
    where: { type: boolExp(scope, table), description: "filter the rows returned" },
  });
}

export function aggregateType(scope: OutputScope, table: Table, select: SelectAccess): GraphQLObjectType {
  const { types, fieldBindings } = scope;
  const name = `${table.graphqlName}_aggregate`;
  return types.object(
    name,
    () =>
      new GraphQLObjectType({
        name,
        description: `aggregated selection of "${table.name}"`,
        fields: () => {
          fieldBindings.set(name, "aggregate", { kind: "aggregate-fields" });
          fieldBindings.set(name, "nodes", { kind: "nodes", table });
          return {
            aggregate: { type: aggregateFieldsType(scope, table, select) },
            nodes: { type: many(tableType(scope, table)) },
          };
        },
      }),
  );
}

function aggregateFieldsType(scope: OutputScope, table: Table, select: SelectAccess): GraphQLObjectType {
  const { types, fieldBindings } = scope;
  const name = `${table.graphqlName}_aggregate_fields`;
  return types.object(
    name,
    () =>
      new GraphQLObjectType({
        name,
        description: `aggregate fields of "${table.name}"`,
        fields: () => {
          fieldBindings.set(name, "count", { kind: "count", table });
          const args: GraphQLFieldConfigArgumentMap = {
            ...(select.columns.length === 0 ? {} : { columns: { type: listOf(selectColumn(scope, table)) } }),
            distinct: { type: GraphQLBoolean },
          };
          const fields: Fields = { count: { type: nonNull(GraphQLInt), args } };
          for (const aggregate of AGGREGATES) {
            const columns = aggregateColumns(select, aggregate);
            if (columns.length === 0) continue;
            fieldBindings.set(name, aggregate, { kind: "aggregate-function", function: aggregate });
            fields[aggregate] = { type: functionType(scope, table, aggregate, columns) };
          }
          return sorted(fields);
        },
      }),
  );
}

function functionType(
  scope: OutputScope,
  table: Table,
  aggregate: ColumnAggregate,
  columns: readonly Column[],
): GraphQLObjectType {
  const { types, fieldBindings } = scope;
  const name = `${table.graphqlName}_${aggregate}_fields`;
  return types.object(
    name,
    () =>
      new GraphQLObjectType({
        name,
        description: `aggregate ${aggregate} on columns`,
        fields: () =>
          sorted(
            Object.fromEntries(
              columns.map((column) => {
                fieldBindings.set(name, column.graphqlName, { kind: "column", column });
                return [
                  column.graphqlName,
                  { type: functionResult(scope, aggregate, column), description: column.comment },
                ];
              }),
            ),
          ),
      }),
  );
}

function functionResult(scope: OutputScope, aggregate: ColumnAggregate, column: Column): GraphQLOutputType {
  if (aggregate !== "sum" && aggregate !== "max" && aggregate !== "min") return GraphQLFloat;
  const scalar = columnScalar(scope, column);
  return column.type.kind === "array" ? new GraphQLList(new GraphQLNonNull(scalar)) : scalar;
}

export function mutationResponse(scope: OutputScope, table: Table): GraphQLObjectType {
  const { types, fieldBindings, access } = scope;
  const name = `${table.graphqlName}_mutation_response`;
  return types.object(
    name,
    () =>
      new GraphQLObjectType({
        name,
        description: `response of any mutation on the table "${table.name}"`,
        fields: () => {
          fieldBindings.set(name, "affected_rows", { kind: "affected-rows" });
          const fields: Fields = {
            affected_rows: { type: nonNull(GraphQLInt), description: "number of rows affected by the mutation" },
          };
          if (access.of(table).select === undefined) return fields;
          fieldBindings.set(name, "returning", { kind: "returning", table });
          return {
            ...fields,
            returning: {
              type: many(tableType(scope, table)),
              description: "data from the rows affected by the mutation",
            },
          };
        },
      }),
  );
}
