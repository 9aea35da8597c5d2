import {
  type GraphQLFieldConfigArgumentMap,
  type GraphQLInputFieldConfigMap,
  type GraphQLInputType,
  type GraphQLInterfaceType,
  GraphQLList,
  type GraphQLNamedType,
  GraphQLNonNull,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
} from "graphql";
import type { RemoteArgument, RemoteRelationship } from "../model/model.ts";
import { createAdopter, type RemoteView } from "./remote-types.ts";
import type { TypeRegistry } from "./type-registry.ts";

type Parent = GraphQLObjectType | GraphQLInterfaceType;
type Step = RemoteRelationship["path"][number];

export type RemoteRelationshipField = {
  readonly type: GraphQLOutputType;
  readonly args: GraphQLFieldConfigArgumentMap;
  /** Upstream type of the path's last field. */
  readonly parentType: string;
};

/**
 * Type and open arguments of a table's remote relationship for a role; undefined where the role does not have one of the
 * fields on the way, or something that is joined there. A list on the way makes a list of the result.
 * @param tableName the table's name in GraphQL
 */
export function remoteRelationshipField(
  types: TypeRegistry,
  view: RemoteView,
  relationship: RemoteRelationship,
  tableName: string,
): RemoteRelationshipField | undefined {
  let parent: Parent | undefined = view.schema.getQueryType() ?? undefined;
  const steps = [...relationship.path];
  const last = steps.pop();
  let lists = 0;
  for (const step of steps) {
    const field: ReturnType<Parent["getFields"]>[string] | undefined = parent?.getFields()[step.field];
    if (parent === undefined || field === undefined || !seesJoined(view, parent.name, step)) return undefined;
    lists += listDepth(field.type);
    const type: GraphQLNamedType = getNamedType(field.type);
    parent = isObjectType(type) || isInterfaceType(type) ? type : undefined;
  }
  if (parent === undefined || last === undefined || !seesJoined(view, parent.name, last)) return undefined;
  const config = createAdopter(types).fields(parent)[last.field];
  if (config === undefined) return undefined;
  const suffix = `remote_rel_${tableName}_${relationship.name}`;
  return {
    type: inLists(getNullableType(config.type), lists),
    args: openArguments({ types, suffix }, argumentsOf(view.schema, parent.name, last.field), config.args ?? {}, last),
    parentType: parent.name,
  };
}

function listDepth(type: GraphQLOutputType): number {
  const bare = getNullableType(type);
  return isListType(bare) ? 1 + listDepth(bare.ofType) : 0;
}

function inLists(type: GraphQLOutputType, lists: number): GraphQLOutputType {
  return lists === 0 ? type : new GraphQLList(inLists(type, lists - 1));
}

function argumentsOf(schema: GraphQLSchema, parentType: string, field: string): ReadonlyMap<string, GraphQLInputType> {
  const type = schema.getType(parentType);
  const found = isObjectType(type) || isInterfaceType(type) ? type.getFields()[field] : undefined;
  return new Map((found?.args ?? []).map((argument) => [argument.name, argument.type]));
}

/** What the role's SDL leaves out may not be joined either; what it presets may. */
function seesJoined(view: RemoteView, parentType: string, { field, arguments: joined }: Step): boolean {
  const upstream = argumentsOf(view.remote.schema, parentType, field);
  const visible = argumentsOf(view.schema, parentType, field);
  return [...joined].every(
    ([name, argument]) =>
      (visible.has(name) || view.presets.has(`${parentType}.${field}.${name}`)) &&
      seesKeys(view, argument, upstream.get(name)),
  );
}

function seesKeys(view: RemoteView, argument: RemoteArgument, type: GraphQLInputType | undefined): boolean {
  if (argument.kind === "list") return argument.items.every((item) => seesKeys(view, item, type));
  const upstream = type === undefined ? undefined : getNamedType(type);
  if (argument.kind !== "object" || !isInputObjectType(upstream)) return true;
  const visible = view.schema.getType(upstream.name);
  const fields = isInputObjectType(visible) ? visible.getFields() : {};
  return [...argument.fields].every(
    ([key, value]) =>
      (fields[key] !== undefined || view.presets.has(`${upstream.name}.${key}`)) &&
      seesKeys(view, value, upstream.getFields()[key]?.type),
  );
}

/** `suffix` tells the types of what is left apart from the whole ones. */
type LeftOver = { readonly types: TypeRegistry; readonly suffix: string };

/** Arguments that are not joined, and the rest of input objects of which only some keys are. */
function openArguments(
  leftOver: LeftOver,
  visible: ReadonlyMap<string, GraphQLInputType>,
  adopted: GraphQLFieldConfigArgumentMap,
  { arguments: joined }: Step,
): GraphQLFieldConfigArgumentMap {
  const open: GraphQLFieldConfigArgumentMap = {};
  for (const [name, config] of Object.entries(adopted)) {
    const argument = joined.get(name);
    if (argument === undefined) open[name] = config;
    else {
      const type = restOf(leftOver, argument, visible.get(name), name);
      if (type !== undefined) open[name] = { type, description: config.description };
    }
  }
  return open;
}

function restOf(
  leftOver: LeftOver,
  argument: RemoteArgument,
  type: GraphQLInputType | undefined,
  place: string,
): GraphQLInputType | undefined {
  const whole = type === undefined ? undefined : getNullableType(type);
  if (argument.kind !== "object" || !isInputObjectType(whole)) return undefined;
  const adopted = createAdopter(leftOver.types).args(Object.values(whole.getFields()));
  const rest: GraphQLInputFieldConfigMap = {};
  for (const [key, config] of Object.entries(adopted)) {
    const joined = argument.fields.get(key);
    if (joined === undefined) rest[key] = config;
    else {
      const below = restOf(leftOver, joined, whole.getFields()[key]?.type, `${place}_${key}`);
      if (below !== undefined) rest[key] = { type: below, description: config.description };
    }
  }
  const left = Object.values(rest);
  if (left.length === 0) return undefined;
  const input = leftOver.types.input(
    `${whole.name}_${leftOver.suffix}_${place}`,
    whole.description ?? undefined,
    () => rest,
  );
  const isNeeded = left.some((field) => field.type instanceof GraphQLNonNull && field.defaultValue === undefined);
  return isNeeded ? new GraphQLNonNull(input) : input;
}
