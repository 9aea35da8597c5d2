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
import { isJsonList, isJsonNumber, type Json } from "../json/exact-json.ts";
import type { FieldBinding } from "../schema/field-binding.ts";
import { checkArguments, foundKind, intText } from "./arguments.ts";
import { type InputValue, nullRefused } from "./input-value.ts";
import type { ActionCall, ActionField, ActionSelection } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { definitionOf, objectTypeOf, planAggregate, planList, planRows, requireLeaf } from "./plan-rows.ts";
import { selectFilter } from "./plan-select.ts";
import { type CollectedField, collectFields } from "./selection.ts";
import { isIntegerText, wholeWithin } from "./whole-number.ts";

export function planActionCall(
  context: PlanContext,
  binding: Extract<FieldBinding, { kind: "action" }>,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): ActionCall {
  context.budget.action(field.path);
  const args = checkArguments(context, field, definition);
  requireLeaf(definition, field);
  const type = getNamedType(definition.type);
  return {
    action: binding.action,
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
      return scalarJson(value.type.name, value.scalar.json, value.path, value.fromVariable, value.scalar.enumLiteral);
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
  return scalarJson(type.name, json, path, true, false);
}

const WANTED: Readonly<Record<string, { what: string; fits: (json: Json) => boolean }>> = {
  Float: { what: "a float", fits: (json) => isJsonNumber(json) },
  String: { what: "a string", fits: (json) => typeof json === "string" },
  Boolean: { what: "a boolean", fits: (json) => typeof json === "boolean" },
  ID: { what: "a String or a 32-bit integer", fits: isId },
};

function isId(json: Json): boolean {
  if (!isJsonNumber(json)) return typeof json === "string";
  return isIntegerText(json.number) && wholeWithin(json.number, 32) !== undefined;
}

function scalarJson(type: string, json: Json, path: string, fromVariable: boolean, enumLiteral: boolean): Json {
  if (type === "Int") return { number: intText(json, path, fromVariable, enumLiteral) };
  const wanted = WANTED[type];
  if (wanted === undefined || (wanted.fits(json) && !enumLiteral)) return json;
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
  const binding = context.schema.fieldBindings.get(type.name, name);
  if (binding?.kind === "action-relationship") {
    const { relationship, target } = binding;
    const { mapping } = relationship;
    const below = objectTypeOf(definition, field);
    if (binding.aggregate)
      return { alias, kind: "aggregate", name, mapping, select: planAggregate(context, target, below, args, field) };
    if (relationship.kind === "array")
      return { alias, kind: "array", name, mapping, select: planList(context, target, below, args, field) };
    context.budget.subquery(field.path);
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
  if (binding?.kind !== "action-field")
    throw new HasuraError("unexpected", `'${name}' cannot be planned here`, field.path);
  const below = getNamedType(definition.type);
  return {
    alias,
    kind: "field",
    name,
    selection: isObjectType(below) ? planSelection(context, objectTypeOf(definition, field), field) : undefined,
  };
}
