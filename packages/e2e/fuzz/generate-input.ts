import type { Random } from "@control-plane/testkit/random";
import {
  type GraphQLEnumType,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from "graphql";
import { drawPattern, drawValue, type ValuePool } from "./values.ts";

/** A value of an input type; names of enum values are told from texts only when they are printed. */
export type Input =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Input[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [string, Input])[] };

type Drawing = {
  readonly pool: ValuePool;
  readonly random: Random;
  readonly sampleRow: (table: string) => Readonly<Record<string, unknown>> | undefined;
};
/** Where a value stands: below which table, argument or column, and how many levels may follow. */
type Place = { readonly table: string; readonly name: string; readonly depth: number };

const NAME = /^[_a-zA-Z]\w*$/;
const TABLE_SUFFIX =
  /_(bool_exp|order_by|insert_input|set_input|inc_input|pk_columns_input|updates|on_conflict|stream_cursor_(value_)?input|(append|prepend|delete_key|delete_elem|delete_at_path)_input)$/;

export function drawInput(drawing: Drawing, type: GraphQLInputType, place: Place): Input {
  const { random, pool } = drawing;
  if (isNonNullType(type)) return drawInput(drawing, type.ofType, place);
  if (isListType(type)) {
    // A stream has one cursor.
    const count = place.name === "cursor" ? 1 : random.pick([0, 1, 1, 1, 2, 2, 3]);
    return { kind: "list", items: Array.from({ length: count }, () => drawInput(drawing, type.ofType, place)) };
  }
  if (isEnumType(type)) return { kind: "name", name: drawName(random, type) };
  if (isInputObjectType(type)) return drawObject(drawing, type, place);
  if (place.name === "limit" || place.name === "offset") return { kind: "value", value: random.pick([0, 1, 2, 5]) };
  if (place.name === "path") return { kind: "value", value: random.pick(["mark", "$.mark", "steps[0].key"]) };
  if (/^_n?(like|ilike|similar|regex|iregex)$/.test(place.name))
    return { kind: "value", value: drawPattern(pool, random, place.name, place.table) };
  return { kind: "value", value: drawValue(pool, random, type.name, columnOf(place)) };
}

/** Below a comparison the table of the place is the column already. */
function columnOf({ table, name }: Place): string {
  return table.includes(".") ? table : `${table}.${name}`;
}

function drawName(random: Random, type: GraphQLEnumType): string {
  return random.pick(type.getValues()).name;
}

function drawObject(drawing: Drawing, type: GraphQLInputObjectType, place: Place): Input {
  const { random } = drawing;
  const fields = Object.values(type.getFields());
  const comparison = type.name.endsWith("_comparison_exp");
  const table = comparison
    ? columnOf(place)
    : TABLE_SUFFIX.test(type.name)
      ? type.name.replace(TABLE_SUFFIX, "")
      : place.table;
  const chosen = chooseFields(drawing, type, fields, place.depth);
  const members = chosen.map((field): readonly [string, Input] => [
    field.name,
    drawInput(drawing, field.type, { table, name: field.name, depth: place.depth - 1 }),
  ]);
  if (!type.name.endsWith("_insert_input") || !random.chance(0.6)) return { kind: "object", members };
  const sample = Object.entries(drawing.sampleRow(table) ?? {}).map(([name, value]): readonly [string, Input] => [
    name,
    { kind: "value", value },
  ]);
  const known = sample.map(([name]) => name);
  return { kind: "object", members: [...sample, ...members.filter(([name]) => !known.includes(name))] };
}

function chooseFields(
  { random }: Drawing,
  type: GraphQLInputObjectType,
  fields: readonly GraphQLInputField[],
  depth: number,
): GraphQLInputField[] {
  const required = fields.filter(isRequiredInputField);
  const others = fields.filter((field) => !required.includes(field) && (depth > 0 || !leadsOn(field)));
  if (type.name.endsWith("_stream_cursor_value_input")) return [random.pick(others)];
  const count = type.name.endsWith("_insert_input") ? random.int(0, 2) : random.pick([0, 1, 1, 1, 1, 2, 2, 3]);
  return [...required, ...random.shuffled(others).slice(0, required.length > 0 ? random.int(0, 1) : count)];
}

/** Whether a field has conditions, orders or rows below it. */
function leadsOn({ type }: GraphQLInputField): boolean {
  const named = getNamedType(type);
  return isInputObjectType(named) && !named.name.endsWith("_comparison_exp");
}

/** As it stands in a document. */
export function printInput(input: Input): string {
  switch (input.kind) {
    case "name":
      return input.name;
    case "list":
      return `[${input.items.map(printInput).join(", ")}]`;
    case "object":
      return `{${input.members.map(([name, member]) => `${name}: ${printInput(member)}`).join(", ")}}`;
    case "value":
      return printValue(input.value);
  }
}

/** GraphQL has no keys but names: members that have others are left out. */
function printValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([name]) => NAME.test(name));
  return `{${members.map(([name, member]) => `${name}: ${printValue(member)}`).join(", ")}}`;
}

/** As it stands in the variables of a request. */
export function toVariable(input: Input): unknown {
  switch (input.kind) {
    case "name":
      return input.name;
    case "list":
      return input.items.map(toVariable);
    case "object":
      return Object.fromEntries(input.members.map(([name, member]) => [name, toVariable(member)]));
    case "value":
      return input.value;
  }
}
