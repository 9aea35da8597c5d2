import {
  doTypesOverlap,
  type GraphQLCompositeType,
  type GraphQLField,
  getNamedType,
  isCompositeType,
  isUnionType,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonNumber, isJsonObject, type Json } from "../json/exact-json.ts";
import type { FieldBinding } from "../schema/field-binding.ts";
import { type Arguments, checkArguments } from "./arguments.ts";
import type { InputValue } from "./input-value.ts";
import type { RemoteCall, RemoteField, RemoteJoin, RemoteSelection, RemoteValue } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { type CollectedField, collectFields } from "./selection.ts";

type RemoteRoot = Extract<FieldBinding, { kind: "remote-root" }>;
type RemoteRelationshipBinding = Extract<FieldBinding, { kind: "remote-relationship" }>;

export function planRemoteCall(
  context: PlanContext,
  binding: RemoteRoot,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): RemoteCall {
  return {
    remote: binding.remote,
    operation: binding.operation,
    node: planRemoteField(context, binding.parentType, definition, field),
  };
}

export function planRemoteJoin(
  context: PlanContext,
  binding: RemoteRelationshipBinding,
  definition: GraphQLField<unknown, unknown>,
  args: Arguments,
  field: CollectedField,
): RemoteJoin {
  return {
    relationship: binding.relationship,
    remote: binding.remote,
    arguments: remoteArguments(context, args),
    selection: planSelection(context, definition, field),
    parentType: binding.parentType,
  };
}

function planRemoteField(
  context: PlanContext,
  parentType: string,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): RemoteField {
  const args = checkArguments(context, field, definition);
  return {
    alias: field.alias,
    name: field.name,
    parentType,
    arguments: remoteArguments(context, args),
    selection: planSelection(context, definition, field),
  };
}

function planSelection(
  context: PlanContext,
  definition: GraphQLField<unknown, unknown>,
  field: CollectedField,
): readonly RemoteSelection[] | undefined {
  const type = getNamedType(definition.type);
  if (!isCompositeType(type)) return planLeaf(field);
  if (field.selections.length === 0)
    throw new HasuraError(
      "validation-failed",
      `missing selection set for '${type.name}'`,
      `${field.path}.selectionSet`,
    );
  return planComposite(context, type, field.selections, field.path);
}

function planLeaf({ selections, path }: CollectedField): undefined {
  if (selections.length > 0)
    throw new HasuraError("validation-failed", "unexpected subselection set for non-object field", path);
}

/** Fields and fragments in the document's order, which the upstream's answer keeps. */
function planComposite(
  context: PlanContext,
  type: GraphQLCompositeType,
  selections: CollectedField["selections"],
  path: string,
): RemoteSelection[] {
  const { fields, fragments } = collectFields(
    context,
    selections,
    type.name,
    path,
    (name) => overlapping(context, type, name) !== undefined,
  );
  const parts: RemoteSelection[] = [];
  const waiting = [...fragments].reverse();
  const addFragments = (after: number): void => {
    for (let next = waiting.at(-1); next !== undefined && next.after <= after; next = waiting.at(-1)) {
      waiting.pop();
      const target = overlapping(context, type, next.onType);
      const selection = target === undefined ? [] : planComposite(context, target, next.selections, path);
      if (selection.length > 0) parts.push({ kind: "inline-fragment", onType: next.onType, selection });
    }
  };
  for (const [index, field] of fields.entries()) {
    addFragments(index);
    parts.push({ kind: "field", field: planMember(context, type, field) });
  }
  addFragments(fields.length);
  return parts;
}

/** The type of a fragment that may stand in a selection on `type`; any other fragment says nothing. */
function overlapping(context: PlanContext, type: GraphQLCompositeType, name: string): GraphQLCompositeType | undefined {
  const schema = context.schema.graphql();
  const target = schema.getType(name);
  return isCompositeType(target) && doTypesOverlap(schema, type, target) ? target : undefined;
}

function planMember(context: PlanContext, type: GraphQLCompositeType, field: CollectedField): RemoteField {
  const { alias, name } = field;
  if (name === "__typename")
    return { alias, name, parentType: type.name, arguments: new Map(), selection: planLeaf(field) };
  const definition = isUnionType(type) ? undefined : type.getFields()[name];
  if (definition === undefined)
    throw new HasuraError("validation-failed", `field '${name}' not found in type: '${type.name}'`, field.path);
  return planRemoteField(context, type.name, definition, field);
}

/** Values go out in the document: the plan depends on every variable in them. */
function remoteArguments(context: PlanContext, args: Arguments): ReadonlyMap<string, RemoteValue> {
  return new Map([...args].map(([name, value]) => [name, remoteValue(context, value)]));
}

function remoteValue(context: PlanContext, value: InputValue): RemoteValue {
  switch (value.kind) {
    case "null":
      return { kind: "null" };
    case "enum":
      return { kind: "text", text: value.value };
    case "scalar":
      return value.scalar.enumLiteral && typeof value.scalar.json === "string"
        ? { kind: "text", text: value.scalar.json }
        : jsonValue(value.scalar.json);
    case "variable":
      context.variables.useValue(value.variable.name);
      return jsonValue(value.variable.value ?? null);
    case "list":
      return { kind: "list", items: value.items.map((item) => remoteValue(context, item)) };
    case "object":
      return {
        kind: "object",
        fields: new Map([...value.fields].map(([name, member]) => [name, remoteValue(context, member)])),
      };
  }
}

function jsonValue(json: Json): RemoteValue {
  if (json === null) return { kind: "null" };
  if (typeof json === "string") return { kind: "string", value: json };
  if (typeof json === "boolean") return { kind: "text", text: String(json) };
  if (isJsonList(json)) return { kind: "list", items: json.map(jsonValue) };
  if (isJsonObject(json))
    return { kind: "object", fields: new Map([...json].map(([name, member]) => [name, jsonValue(member)])) };
  return isJsonNumber(json) ? { kind: "text", text: json.number } : { kind: "null" };
}
