import {
  GraphQLEnumType,
  type GraphQLFieldConfigArgumentMap,
  type GraphQLFieldConfigMap,
  GraphQLInputObjectType,
  GraphQLInterfaceType,
  GraphQLList,
  type GraphQLNamedType,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLType,
  GraphQLUnionType,
  isInputType,
  isObjectType,
  isOutputType,
} from "graphql";
import type { RemotePreset, RemoteSchema } from "../model/model.ts";
import { reachableTypes } from "../model/type-names.ts";
import { sorted, type TypeRegistry } from "./type-registry.ts";

/** A remote schema as one role sees it, with its types taken over into the role's own schema by name. */
export type RemoteView = {
  readonly remote: RemoteSchema;
  readonly query: { readonly typeName: string; readonly fields: GraphQLFieldConfigMap<unknown, unknown> };
  readonly mutation:
    | { readonly typeName: string; readonly fields: GraphQLFieldConfigMap<unknown, unknown> }
    | undefined;
  /** What the client may say; arguments and input fields that are preset stand in `presets` alone. */
  readonly schema: GraphQLSchema;
  readonly presets: ReadonlyMap<string, RemotePreset>;
  /** Objects behind interfaces, also those that nothing else names. */
  readonly implementers: readonly GraphQLObjectType[];
};

/** Undefined for a role that sees nothing of the remote schema. */
export function viewRemote(types: TypeRegistry, remote: RemoteSchema, role: string): RemoteView | undefined {
  const permission = role === "admin" ? undefined : remote.roles.get(role);
  const schema = role === "admin" ? remote.schema : permission?.schema;
  const query = schema?.getQueryType() ?? undefined;
  if (schema === undefined || query === undefined) return undefined;
  const adopt = createAdopter(types);
  const mutation = schema.getMutationType() ?? undefined;
  return {
    remote,
    schema,
    presets: permission?.presets ?? new Map(),
    implementers: adopt.objects(implementersOf(schema)),
    query: { typeName: query.name, fields: adopt.fields(query) },
    mutation: mutation === undefined ? undefined : { typeName: mutation.name, fields: adopt.fields(mutation) },
  };
}

/** All objects that may stand behind an interface; the role's schema would not find those that no field leads to. */
function implementersOf(schema: GraphQLSchema): readonly GraphQLObjectType[] {
  return [...reachableTypes(schema).values()].filter(isObjectType).filter((type) => type.getInterfaces().length > 0);
}

/** Copies types under their own names; a scalar that is already there is shared. */
export function createAdopter(types: TypeRegistry) {
  const fields = (type: GraphQLObjectType | GraphQLInterfaceType): GraphQLFieldConfigMap<unknown, unknown> =>
    sorted(
      Object.fromEntries(
        Object.values(type.getFields()).map((field) => {
          const output = wrapped(field.type);
          if (!isOutputType(output)) throw new Error(`${field.name} is no output field`);
          return [
            field.name,
            {
              type: output,
              description: field.description,
              deprecationReason: field.deprecationReason,
              args: args(field.args),
            },
          ];
        }),
      ),
    );
  const args = (
    list: readonly {
      name: string;
      type: GraphQLType;
      description?: string | null | undefined;
      defaultValue?: unknown;
    }[],
  ): GraphQLFieldConfigArgumentMap =>
    sorted(
      Object.fromEntries(
        list.map((argument) => {
          const input = wrapped(argument.type);
          if (!isInputType(input)) throw new Error(`${argument.name} is no input`);
          return [
            argument.name,
            { type: input, description: argument.description, defaultValue: argument.defaultValue },
          ];
        }),
      ),
    );
  const wrapped = (type: GraphQLType): GraphQLType => {
    if (type instanceof GraphQLNonNull) return new GraphQLNonNull(wrapped(type.ofType));
    if (type instanceof GraphQLList) return new GraphQLList(wrapped(type.ofType));
    return named(type);
  };
  const named = (type: GraphQLNamedType): GraphQLNamedType =>
    types.get(type.name) ?? types.other(type.name, () => copy(type));
  const objects = (list: readonly GraphQLObjectType[]): GraphQLObjectType[] =>
    list.map((member) => named(member)).filter(isObjectType);
  const interfaces = (list: readonly GraphQLInterfaceType[]): GraphQLInterfaceType[] =>
    list.map((member) => named(member)).filter((member) => member instanceof GraphQLInterfaceType);
  const copy = (type: GraphQLNamedType): GraphQLNamedType => {
    const { name, description } = type;
    if (type instanceof GraphQLObjectType)
      return new GraphQLObjectType({
        name,
        description,
        interfaces: () => interfaces(type.getInterfaces()),
        fields: () => fields(type),
      });
    if (type instanceof GraphQLInterfaceType)
      return new GraphQLInterfaceType({
        name,
        description,
        interfaces: () => interfaces(type.getInterfaces()),
        fields: () => fields(type),
      });
    if (type instanceof GraphQLUnionType)
      return new GraphQLUnionType({ name, description, types: () => objects(type.getTypes()) });
    if (type instanceof GraphQLInputObjectType)
      return new GraphQLInputObjectType({ name, description, fields: () => args(Object.values(type.getFields())) });
    if (type instanceof GraphQLEnumType)
      return new GraphQLEnumType({
        name,
        description,
        values: Object.fromEntries(type.getValues().map((value) => [value.name, { description: value.description }])),
      });
    return type;
  };
  return { fields, objects, args };
}
