import { isJsonList, isJsonNumber, isJsonObject, type Json, type JsonObject, printJson } from "../json/exact-json.ts";
import type { ActionField, ActionSelection } from "../plan/plan.ts";

/** A selected relationship of an output object. */
export type ActionRelationship = Extract<ActionField, { kind: "object" | "array" | "aggregate" }>;

/** Values of the mapping's fields in an output object, as text; null where absent. */
export type KeyTuple = readonly (string | null)[];

export type Relate = (relationship: ActionRelationship, key: KeyTuple) => Json;

/** The client's selection over a checked answer: aliases, document order, surplus keys dropped, absent fields null. */
export function shapeOutput(value: Json, selection: ActionSelection | undefined, relate: Relate): Json {
  if (selection === undefined) return value;
  if (isJsonList(value)) return value.map((item) => shapeOutput(item, selection, relate));
  if (!isJsonObject(value)) return value;
  return new Map(selection.fields.map((field) => [field.alias, shapeField(value, field, relate)]));
}

function shapeField(value: JsonObject, field: ActionField, relate: Relate): Json {
  switch (field.kind) {
    case "typename":
      return field.value;
    case "field":
      return shapeOutput(value.get(field.name) ?? null, field.selection, relate);
    case "object":
    case "array":
    case "aggregate":
      return relate(
        field,
        field.mapping.map((pair) => keyText(value.get(pair.field) ?? null)),
      );
    default:
      return field satisfies never;
  }
}

function keyText(value: Json): string | null {
  if (value === null || typeof value === "string") return value;
  return isJsonNumber(value) ? value.number : printJson(value);
}
