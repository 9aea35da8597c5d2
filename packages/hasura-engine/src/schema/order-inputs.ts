import type { GraphQLEnumType, GraphQLInputFieldConfigMap, GraphQLInputObjectType } from "graphql";
import { can } from "../catalog/pg-type.ts";
import type { Column, Table } from "../model/model.ts";
import { AGGREGATES, aggregateColumns } from "./aggregates.ts";
import { columnInput, required, type SchemaScope } from "./column-types.ts";
import type { SelectAccess } from "./role-access.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** Undefined where the role can name no column. */
export function selectColumn({ access, types }: SchemaScope, table: Table): GraphQLEnumType {
  return types.enumType(`${table.graphqlName}_select_column`, `select columns of table "${table.name}"`, () =>
    Object.fromEntries(
      (access.of(table).select?.columns ?? []).map(({ graphqlName }) => [graphqlName, { description: "column name" }]),
    ),
  );
}

function sortedColumns(select: SelectAccess | undefined): readonly Column[] {
  return (select?.columns ?? []).filter(({ type }) => can(type, "order"));
}

function orderByEnum(types: TypeRegistry): GraphQLEnumType {
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
      for (const column of sortedColumns(access.of(table).select))
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
              sortedColumns(access.of(table).select).map((column) => [
                column.graphqlName,
                { type: columnInput(scope, column), description: column.comment },
              ]),
            ),
        ),
      ),
      description: "Stream column input with initial value",
    },
    ordering: {
      type: types.enumType("cursor_ordering", "ordering argument of a cursor", () => ({
        ASC: { description: "ascending ordering of the cursor" },
        DESC: { description: "descending ordering of the cursor" },
      })),
      description: "cursor ordering",
    },
  }));
}
