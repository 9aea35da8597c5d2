import {
  type GraphQLField,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLObjectType,
  getNamedType,
  isObjectType,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { isJsonList, type Json } from "../json/exact-json.ts";
import type { FieldMeaning } from "../schema/meaning.ts";
import { checkArguments, foundKind } from "./arguments.ts";
import { type InputValue, nullRefused } from "./input-value.ts";
import type { ActionCall, ActionField, ActionSelection } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { definitionOf, objectTypeOf, planAggregate, planList, planRows, requireLeaf } from "./plan-rows.ts";
import { selectFilter } from "./plan-select.ts";
import { type CollectedField, collectFields } from "./selection.ts";

export function planActionCall(
  context: PlanContext,
  meaning: Extract<FieldMeaning, { kind: "action" }>,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): ActionCall {
  const args = checkArguments(context, field, definition);
  requireLeaf(definition, field);
  const type = getNamedType(definition.type);
  return {
    action: meaning.action,
    input: new Map([...args].map(([name, value]) => [name, inputJson(context, value)])),
    selection: isObjectType(type) ? planSelection(context, objectTypeOf(definition, field), field) : undefined,
    requestQuery: context.text,
  };
}

/** What the handler gets; built-in scalars are checked here, all others are the handler's to judge. */
function inputJson(context: PlanContext, value: InputValue): Json {
  switch (value.kind) {
    case "null":
      return null;
    case "enum":
      return value.value;
    case "scalar":
      refuseWrongScalar(value.type.name, value.scalar.json, value.path, value.fromVariable, value.scalar.enumLiteral);
      return value.scalar.json;
    case "variable":
      context.variables.useValue(value.variable.name);
      return variableJson(value.type, value.variable.value ?? null, value.path);
    case "list":
      return value.items.map((item) => inputJson(context, item));
    case "object":
      return new Map([...value.fields].map(([name, member]) => [name, inputJson(context, member)]));
  }
}

/** A variable's value in a place of scalars: what stands for a list of one becomes that list. */
function variableJson(type: GraphQLInputType, json: Json, path: string): Json {
  if (type instanceof GraphQLNonNull) {
    if (json === null) throw nullRefused(type.ofType, path);
    return variableJson(type.ofType, json, path);
  }
  if (json === null) return null;
  if (type instanceof GraphQLList) {
    const items = isJsonList(json) ? json : [json];
    return items.map((item, index) => variableJson(type.ofType, item, `${path}[${index}]`));
  }
  refuseWrongScalar(type.name, json, path, true, false);
  return json;
}

const WANTED: Readonly<Record<string, { what: string; fits: (json: Json) => boolean }>> = {
  Int: { what: "a 32-bit integer", fits: (json) => isWhole(json) },
  Float: { what: "a float", fits: (json) => isNumber(json) },
  String: { what: "a string", fits: (json) => typeof json === "string" },
  Boolean: { what: "a boolean", fits: (json) => typeof json === "boolean" },
  ID: { what: "a String or a 32-bit integer", fits: (json) => typeof json === "string" || isWhole(json) },
};

function isNumber(json: Json): json is { readonly number: string } {
  return typeof json === "object" && json !== null && "number" in json;
}

function isWhole(json: Json): boolean {
  return isNumber(json) && /^-?\d+$/.test(json.number) && Math.abs(Number(json.number)) <= 2_147_483_648;
}

function refuseWrongScalar(type: string, json: Json, path: string, fromVariable: boolean, enumLiteral: boolean): void {
  const wanted = WANTED[type];
  if (wanted === undefined || (wanted.fits(json) && !enumLiteral)) return;
  throw new HasuraError(
    "validation-failed",
    `expected ${wanted.what} for type '${type}', but found ${foundKind(json, fromVariable, enumLiteral)}`,
    path,
  );
}

function planSelection(context: PlanContext, type: GraphQLObjectType, field: CollectedField): ActionSelection {
  const { fields } = collectFields(context, field.selections, type.name, field.path);
  return { typeName: type.name, fields: fields.map((part) => planActionField(context, type, part)) };
}

function planActionField(context: PlanContext, type: GraphQLObjectType, field: CollectedField): ActionField {
  const { alias, name } = field;
  if (name === "__typename") return { alias, kind: "typename", value: type.name };
  const definition = definitionOf(type, field);
  requireLeaf(definition, field);
  const args = checkArguments(context, field, definition);
  const meaning = context.schema.meanings.get(type.name, name);
  if (meaning?.kind === "action-relationship") {
    const { relationship, target } = meaning;
    const { mapping } = relationship;
    const below = objectTypeOf(definition, field);
    if (meaning.aggregate)
      return { alias, kind: "aggregate", name, mapping, select: planAggregate(context, target, below, args, field) };
    if (relationship.kind === "array")
      return { alias, kind: "array", name, mapping, select: planList(context, target, below, args, field) };
    return {
      alias,
      kind: "object",
      name,
      mapping,
      target,
      filter: selectFilter(context, target),
      rows: planRows(context, target, below, field.selections, field.path),
    };
  }
  if (meaning?.kind !== "action-field")
    throw new HasuraError("unexpected", `'${name}' cannot be planned here`, field.path);
  const below = getNamedType(definition.type);
  return {
    alias,
    kind: "field",
    name,
    selection: isObjectType(below) ? planSelection(context, objectTypeOf(definition, field), field) : undefined,
  };
}
