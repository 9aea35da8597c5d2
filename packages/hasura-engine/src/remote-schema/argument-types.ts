import type { GraphQLInputType, GraphQLSchema } from "graphql";

/** Types of an upstream field's arguments, by name; none for a field that is not there. */
export function argumentTypes(
  schema: GraphQLSchema,
  parentType: string,
  field: string,
): ReadonlyMap<string, GraphQLInputType> {
  const type = schema.getType(parentType);
  const found = type !== undefined && "getFields" in type ? type.getFields()[field] : undefined;
  const list = found !== undefined && "args" in found ? found.args : [];
  return new Map(list.map((argument) => [argument.name, argument.type]));
}
