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
import type { RemoteRelationship, RemoteSchema } from "../model/model.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** A remote schema as one role sees it, with its types taken over into the role's own schema by name. */
export type RemoteView = {
  readonly remote: RemoteSchema;
  readonly query: { readonly typeName: string; readonly fields: GraphQLFieldConfigMap<unknown, unknown> };
  readonly mutation:
    | { readonly typeName: string; readonly fields: GraphQLFieldConfigMap<unknown, unknown> }
    | undefined;
  /** Whether an argument of a field is there for the client or preset. */
  readonly schema: GraphQLSchema;
};

/** Undefined for a role that sees nothing of the remote schema. */
export function viewRemote(types: TypeRegistry, remote: RemoteSchema, role: string): RemoteView | undefined {
  const schema = role === "admin" ? remote.schema : remote.roles.get(role)?.schema;
  const query = schema?.getQueryType() ?? undefined;
  if (schema === undefined || query === undefined) return undefined;
  const adopt = createAdopter(types);
  const mutation = schema.getMutationType() ?? undefined;
  return {
    remote,
    schema,
    query: { typeName: query.name, fields: adopt.fields(query) },
    mutation: mutation === undefined ? undefined : { typeName: mutation.name, fields: adopt.fields(mutation) },
  };
}

/** Copies types under their own names; a scalar that is already there is shared. */
function createAdopter(types: TypeRegistry) {
  const fields = (type: GraphQLObjectType | GraphQLInterfaceType): GraphQLFieldConfigMap<unknown, unknown> =>
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
    );
  const args = (
    list: readonly {
      name: string;
      type: GraphQLType;
      description?: string | null | undefined;
      defaultValue?: unknown;
    }[],
  ): GraphQLFieldConfigArgumentMap =>
    Object.fromEntries(
      list.map((argument) => {
        const input = wrapped(argument.type);
        if (!isInputType(input)) throw new Error(`${argument.name} is no input`);
        return [argument.name, { type: input, description: argument.description, defaultValue: argument.defaultValue }];
      }),
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
  return { fields };
}

/**
 * Type and open arguments of a table's remote relationship for a role; undefined where the role cannot see one of the
 * fields on the way or an argument that is joined.
 */
export function remoteRelationshipField(types: TypeRegistry, view: RemoteView, relationship: RemoteRelationship) {
  const adopt = createAdopter(types);
  let type: GraphQLObjectType | GraphQLInterfaceType | undefined = view.schema.getQueryType() ?? undefined;
  for (const [index, step] of relationship.path.entries()) {
    const known: ReturnType<GraphQLObjectType["getFields"]>[string] | undefined = type?.getFields()[step.field];
    if (type === undefined || known === undefined) return undefined;
    if (index === relationship.path.length - 1) {
      const config = adopt.fields(type)[step.field];
      if (config === undefined) return undefined;
      const open = Object.fromEntries(Object.entries(config.args ?? {}).filter(([name]) => !step.arguments.has(name)));
      const result = config.type instanceof GraphQLNonNull ? config.type.ofType : config.type;
      return { type: result, args: open, parentType: type.name };
    }
    const inner: GraphQLType = known.type instanceof GraphQLNonNull ? known.type.ofType : known.type;
    type = inner instanceof GraphQLObjectType || inner instanceof GraphQLInterfaceType ? inner : undefined;
  }
  return undefined;
}
