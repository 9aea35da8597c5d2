import { type GraphQLInputType, type GraphQLSchema, getNamedType, isEnumType, isInputObjectType } from "graphql";
import { isJsonList, isJsonObject, type Json, toJson } from "../json/exact-json.ts";
import type { RemoteArgument } from "../model/model.ts";
import type { RemoteField, RemoteJoin, RemoteValue } from "../plan/plan.ts";
import { argumentTypes } from "./argument-types.ts";
import { mergeValues } from "./presets.ts";

/** The upstream field for one row: the relationship's path with its arguments, and the client's selection at its end. */
export function joinedField(join: RemoteJoin, cells: readonly Json[]): RemoteField {
  const { path, lhsColumns } = join.relationship;
  const cellOf = (name: string): Json => cells[lhsColumns.findIndex((column) => column.name === name)] ?? null;
  const parents = parentTypes(
    join.remote.schema,
    path.map((step) => step.field),
  );
  const [field] = path.reduceRight<readonly RemoteField[]>((below, step, index) => {
    const last = index === path.length - 1;
    const parentType = last ? join.parentType : (parents[index] ?? "");
    const types = argumentTypes(join.remote.schema, parentType, step.field);
    const values = [...step.arguments].map(([name, argument]): [string, RemoteValue] => [
      name,
      argumentValue(argument, cellOf, types.get(name)),
    ]);
    const selection = last ? join.selection : below.map((inner) => ({ kind: "field" as const, field: inner }));
    const given = last ? join.arguments : new Map<string, RemoteValue>();
    return [
      { alias: step.field, name: step.field, parentType, arguments: mergeMaps(given, new Map(values)), selection },
    ];
  }, []);
  if (field === undefined) throw new Error("a remote relationship without a field");
  return field;
}

/** The value at the end of the path, in the answer to `joinedField`. */
export function answerAt(join: RemoteJoin, answer: Json): Json {
  return join.relationship.path.slice(1).reduce<Json>((value, step) => memberOf(value, step.field), answer);
}

function memberOf(value: Json, name: string): Json {
  if (isJsonList(value)) return value.map((item) => memberOf(item, name));
  return isJsonObject(value) ? (value.get(name) ?? null) : null;
}

/** Left-hand columns that the arguments really use. */
export function usedColumns(join: RemoteJoin): ReadonlySet<string> {
  const used = new Set<string>();
  const visit = (argument: RemoteArgument): void => {
    if (argument.kind === "column") used.add(argument.column.name);
    if (argument.kind === "object") for (const field of argument.fields.values()) visit(field);
    if (argument.kind === "list") for (const item of argument.items) visit(item);
  };
  for (const step of join.relationship.path) for (const argument of step.arguments.values()) visit(argument);
  return used;
}

/** Joined values stand above what the client gave. */
function mergeMaps(
  below: ReadonlyMap<string, RemoteValue>,
  above: ReadonlyMap<string, RemoteValue>,
): ReadonlyMap<string, RemoteValue> {
  const merged = new Map(below);
  for (const [name, value] of above) merged.set(name, mergeValues(below.get(name), value));
  return merged;
}

function parentTypes(schema: GraphQLSchema, fields: readonly string[]): readonly string[] {
  const parents: string[] = [];
  let parent = schema.getQueryType()?.name ?? "";
  for (const name of fields) {
    parents.push(parent);
    const type = schema.getType(parent);
    const field = type !== undefined && "getFields" in type ? type.getFields()[name] : undefined;
    parent = field === undefined ? "" : getNamedType(field.type).name;
  }
  return parents;
}

function argumentValue(
  argument: RemoteArgument,
  cellOf: (column: string) => Json,
  type: GraphQLInputType | undefined,
): RemoteValue {
  switch (argument.kind) {
    case "column":
      return inputValue(cellOf(argument.column.name), type);
    case "constant":
      return inputValue(toJson(argument.value), type);
    case "list":
      return { kind: "list", items: argument.items.map((item) => argumentValue(item, cellOf, type)) };
    case "object": {
      const fields = [...argument.fields].map(([name, field]): [string, RemoteValue] => [
        name,
        argumentValue(field, cellOf, fieldType(type, name)),
      ]);
      return { kind: "object", fields: new Map(fields) };
    }
    default:
      return argument satisfies never;
  }
}

/** JSON as a GraphQL value of the type: enum texts become enum values, stringified numbers become numbers again. */
function inputValue(value: Json, type: GraphQLInputType | undefined): RemoteValue {
  if (value === null) return { kind: "null" };
  if (typeof value === "boolean") return { kind: "text", text: String(value) };
  if (typeof value === "string") return textValue(value, type);
  if (isJsonList(value)) return { kind: "list", items: value.map((item) => inputValue(item, type)) };
  if (isJsonObject(value)) {
    return {
      kind: "object",
      fields: new Map([...value].map(([name, field]) => [name, inputValue(field, fieldType(type, name))])),
    };
  }
  const named = type === undefined ? undefined : getNamedType(type);
  return named?.name === "String" ? { kind: "string", value: value.number } : { kind: "text", text: value.number };
}

function textValue(value: string, type: GraphQLInputType | undefined): RemoteValue {
  const named = type === undefined ? undefined : getNamedType(type);
  const isNumeric =
    named?.name === "Int"
      ? /^-?\d+$/.test(value)
      : named?.name === "Float" && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value);
  const isEnum = isEnumType(named) && /^[_A-Za-z]\w*$/.test(value);
  return isNumeric || isEnum ? { kind: "text", text: value } : { kind: "string", value };
}

function fieldType(type: GraphQLInputType | undefined, name: string): GraphQLInputType | undefined {
  const named = type === undefined ? undefined : getNamedType(type);
  return isInputObjectType(named) ? named.getFields()[name]?.type : undefined;
}
