import {
  GraphQLBoolean,
  GraphQLEnumType,
  type GraphQLEnumValueConfigMap,
  GraphQLFloat,
  GraphQLID,
  type GraphQLInputFieldConfigMap,
  GraphQLInputObjectType,
  GraphQLInt,
  type GraphQLNamedType,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLString,
} from "graphql";

import { isEnumValueName } from "../model/names.ts";

/** Types of one role's schema by name: each is made once, and makes its fields only when they are asked for. */
export type TypeRegistry = {
  scalar(name: string): GraphQLScalarType;
  enumType(name: string, description: string | undefined, values: () => GraphQLEnumValueConfigMap): GraphQLEnumType;
  input(
    name: string,
    description: string | undefined,
    fields: () => GraphQLInputFieldConfigMap,
  ): GraphQLInputObjectType;
  object(name: string, make: () => GraphQLObjectType): GraphQLObjectType;
  /** For what remote schemas bring. */
  other(name: string, make: () => GraphQLNamedType): GraphQLNamedType;
  get(name: string): GraphQLNamedType | undefined;
  all(): readonly GraphQLNamedType[];
};

const BUILT_IN = [GraphQLInt, GraphQLFloat, GraphQLString, GraphQLBoolean, GraphQLID];

/** `descriptions`: of scalars that have one. */
export function createTypeRegistry(descriptions: ReadonlyMap<string, string>): TypeRegistry {
  const types = new Map<string, GraphQLNamedType>(BUILT_IN.map((type) => [type.name, type]));
  const remember = <T extends GraphQLNamedType>(
    name: string,
    make: () => T,
    is: (type: GraphQLNamedType) => type is T,
  ): T => {
    const known = types.get(name);
    if (known !== undefined) {
      if (is(known)) return known;
      throw new Error(`two types are called ${name}`);
    }
    const made = make();
    types.set(name, made);
    return made;
  };
  return {
    scalar: (name) =>
      remember(
        name,
        () => new GraphQLScalarType({ name, description: descriptions.get(name) }),
        (type) => type instanceof GraphQLScalarType,
      ),
    enumType: (name, description, values) =>
      remember(
        name,
        () => new GraphQLEnumType({ name, description, values: nameable(values()) }),
        (type) => type instanceof GraphQLEnumType,
      ),
    input: (name, description, fields) =>
      remember(
        name,
        () => new GraphQLInputObjectType({ name, description, fields: () => sorted(fields()) }),
        (type) => type instanceof GraphQLInputObjectType,
      ),
    object: (name, make) => remember(name, make, (type) => type instanceof GraphQLObjectType),
    other: (name, make) => remember(name, make, (type): type is GraphQLNamedType => type !== undefined),
    get: (name) => types.get(name),
    all: () => [...types.values()],
  };
}

/** A column may be called `true`; GraphQL reads that as a literal of its own wherever an enum value could stand. */
function nameable(values: GraphQLEnumValueConfigMap): GraphQLEnumValueConfigMap {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isEnumValueName(name)));
}

/** Hasura lists fields by name. */
export function sorted<T>(fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
