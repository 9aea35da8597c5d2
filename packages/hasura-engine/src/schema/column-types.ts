import {
  type GraphQLEnumType,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLScalarType,
} from "graphql";
import type { Column, Model, Table } from "../model/model.ts";
import type { RoleAccess } from "./role-access.ts";
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

function enumTableType({ types }: Pick<SchemaScope, "types">, table: Table): GraphQLEnumType {
  return types.enumType(`${table.graphqlName}_enum`, undefined, () =>
    Object.fromEntries(
      [...(table.enumValues ?? [])]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([value, description]) => [value, { description }]),
    ),
  );
}
