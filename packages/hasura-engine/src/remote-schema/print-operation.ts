import {
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
} from "graphql";
import { isJsonList, isJsonObject, type Json, type JsonObject } from "../json/exact-json.ts";
import type { RemoteField, RemoteSelection, RemoteValue } from "../plan/plan.ts";
import { completeArguments, type PresetScope } from "./presets.ts";

const FILLER_ALIAS = "__nothing_selected";
/** GraphQL knows no empty selection, though directives may leave one. */
const FILLER = `${FILLER_ALIAS}: __typename`;

/** A field to print with the alias it gets. */
export type PrintedRoot = { readonly alias: string; readonly field: RemoteField };

/** GraphQL text for an upstream, and the variables that stand for what has no literal form. */
/** `variablesText` is JSON. */
export type PrintedOperation = { readonly query: string; readonly variablesText: string };

type Printer = { readonly scope: PresetScope; readonly variables: { readonly type: string; readonly json: string }[] };

/** Prints fields with presets merged in. Aliases of the client are kept, so that the answer can be spliced. */
export function printOperation(
  scope: PresetScope,
  operation: "query" | "mutation",
  roots: readonly PrintedRoot[],
): PrintedOperation {
  const printer: Printer = { scope, variables: [] };
  const fields = roots.map(({ alias, field }) => printField(printer, { ...field, alias }));
  const names = printer.variables.map(({ type }, index) => `$v${index}: ${type}`);
  const declared = names.length === 0 ? "" : ` (${names.join(", ")})`;
  const members = printer.variables.map(({ json }, index) => `"v${index}":${json}`);
  return { query: `${operation}${declared} { ${fields.join(" ")} }`, variablesText: `{${members.join(",")}}` };
}

/** The answer to an operation, without what stands in the place of empty selections. */
export function withoutFillers({ query }: PrintedOperation, answer: JsonObject): JsonObject {
  return query.includes(FILLER) ? new Map([...answer].map(([key, value]) => [key, dropFillers(value)])) : answer;
}

function dropFillers(value: Json): Json {
  if (isJsonList(value)) return value.map(dropFillers);
  if (!isJsonObject(value)) return value;
  const members = [...value].filter(([key]) => key !== FILLER_ALIAS);
  return new Map(members.map(([key, member]) => [key, dropFillers(member)]));
}

function printField(printer: Printer, field: RemoteField): string {
  const name = field.alias === field.name ? field.name : `${field.alias}: ${field.name}`;
  if (field.name === "__typename") return name;
  const selection = field.selection === undefined ? "" : ` { ${printSelection(printer, field.selection)} }`;
  return `${name}${printArguments(printer, field)}${selection}`;
}

function printSelection(printer: Printer, selection: readonly RemoteSelection[]): string {
  if (selection.length === 0) return FILLER;
  const parts = selection.map((item) =>
    item.kind === "field"
      ? printField(printer, item.field)
      : `... on ${item.onType} { ${printSelection(printer, item.selection)} }`,
  );
  return parts.join(" ");
}

function printArguments(printer: Printer, field: RemoteField): string {
  const values = completeArguments(printer.scope, field.parentType, field.name, field.arguments);
  if (values.size === 0) return "";
  const parts = [...values].map(
    ([name, value]) => `${name}: ${printValue(printer, value, argumentType(printer, field, name))}`,
  );
  return `(${parts.join(", ")})`;
}

function argumentType({ scope }: Printer, field: RemoteField, name: string): GraphQLInputType | undefined {
  const parent = scope.remote.schema.getType(field.parentType);
  const found = parent !== undefined && "getFields" in parent ? parent.getFields()[field.name] : undefined;
  return found !== undefined && "args" in found
    ? found.args.find((argument) => argument.name === name)?.type
    : undefined;
}

function printValue(printer: Printer, value: RemoteValue, type: GraphQLInputType | undefined): string {
  if (type !== undefined && isCustomScalar(type) && (value.kind === "object" || value.kind === "list"))
    return printAsVariable(printer, value, type);
  switch (value.kind) {
    case "null":
      return "null";
    case "text":
      return value.text;
    case "string":
      return JSON.stringify(value.value);
    case "list":
      return `[${value.items.map((item) => printValue(printer, item, itemType(type))).join(", ")}]`;
    case "object": {
      const fields = [...value.fields].map(
        ([name, field]) => `${name}: ${printValue(printer, field, fieldType(type, name))}`,
      );
      return `{${fields.join(", ")}}`;
    }
    default:
      return value satisfies never;
  }
}

/** JSON objects of custom scalars may have keys that are no GraphQL names. */
function isCustomScalar(type: GraphQLInputType): boolean {
  const inner = isNonNullType(type) ? type.ofType : type;
  return !isListType(inner) && !isInputObjectType(inner) && !isEnumType(inner) && !isSpecifiedScalarType(inner);
}

function printAsVariable({ variables }: Printer, value: RemoteValue, type: GraphQLInputType): string {
  variables.push({ type: String(type), json: jsonText(value) });
  return `$v${variables.length - 1}`;
}

function jsonText(value: RemoteValue): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "text":
      return /^(true|false|null|-?\d.*)$/.test(value.text) ? value.text : JSON.stringify(value.text);
    case "string":
      return JSON.stringify(value.value);
    case "list":
      return `[${value.items.map(jsonText).join(",")}]`;
    case "object":
      return `{${[...value.fields].map(([name, field]) => `${JSON.stringify(name)}:${jsonText(field)}`).join(",")}}`;
    default:
      return value satisfies never;
  }
}

function itemType(type: GraphQLInputType | undefined): GraphQLInputType | undefined {
  const inner = isNonNullType(type) ? type.ofType : type;
  return isListType(inner) ? inner.ofType : inner;
}

function fieldType(type: GraphQLInputType | undefined, name: string): GraphQLInputType | undefined {
  const named = type === undefined ? undefined : getNamedType(type);
  return isInputObjectType(named) ? named.getFields()[name]?.type : undefined;
}
