import { type GraphQLField, GraphQLNonNull } from "graphql";
import { INT8 } from "../catalog/builtin-types.ts";
import { HasuraError } from "../hasura-error.ts";
import { isJsonNumber, type Json } from "../json/exact-json.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import { checkInput, type InputValue, kindOfJson } from "./input-value.ts";
import type { PlanContext } from "./plan-context.ts";
import type { CollectedField } from "./selection.ts";
import { isIntegerText, outOfBounds, wholeWithin } from "./whole-number.ts";

export type Arguments = ReadonlyMap<string, InputValue>;

/** A field's arguments, checked against its definition. Null counts as absent where null is allowed. */
export function checkArguments(
  context: PlanContext,
  field: CollectedField,
  definition: GraphQLField<unknown, unknown>,
): Arguments {
  const values = new Map<string, InputValue>();
  for (const argument of field.node.arguments ?? []) {
    const name = argument.name.value;
    const known = definition.args.find((candidate) => candidate.name === name);
    if (known === undefined)
      throw new HasuraError("validation-failed", `'${field.name}' has no argument named '${name}'`, field.path);
    const value = checkInput(
      context,
      argument.value,
      known.type,
      `${field.path}.args.${name}`,
      known.defaultValue !== undefined,
    );
    if (value !== undefined) values.set(name, value);
  }
  for (const { name, type, defaultValue } of definition.args) {
    if (type instanceof GraphQLNonNull && defaultValue === undefined && !values.has(name)) {
      throw new HasuraError("validation-failed", `missing required field '${name}'`, `${field.path}.args.${name}`);
    }
  }
  return values;
}

/** The argument where it is given and not null. */
export function given(values: ReadonlyMap<string, InputValue>, name: string): InputValue | undefined {
  const value = values.get(name);
  return value === undefined || value.kind === "null" ? undefined : value;
}

export function asObject(value: InputValue): Extract<InputValue, { kind: "object" }> {
  if (value.kind === "object") return value;
  throw new HasuraError("validation-failed", "expected an object", value.path);
}

export function asList(value: InputValue): readonly InputValue[] {
  return value.kind === "list" ? value.items : [value];
}

export function asEnum(value: InputValue): string {
  if (value.kind === "enum") return value.value;
  throw new HasuraError("validation-failed", "expected an enum value", value.path);
}

type Whole = {
  readonly what: string;
  readonly negative: boolean;
  readonly textAllowed: boolean;
  readonly bits: 32 | 64;
};

const LIMIT: Whole = { what: "a non-negative 32-bit integer", negative: false, textAllowed: false, bits: 32 };
const OFFSET: Whole = {
  what: "a 32-bit integer, or a 64-bit integer represented as a string",
  negative: true,
  textAllowed: true,
  bits: 64,
};
const INT: Whole = { what: "a 32-bit integer", negative: true, textAllowed: false, bits: 32 };

export function limitParameter(value: InputValue): Parameter {
  return wholeParameter(value, LIMIT);
}
export function offsetParameter(value: InputValue): Parameter {
  return wholeParameter(value, OFFSET);
}
export function intParameter(value: InputValue): Parameter {
  return wholeParameter(value, INT);
}

/** A JSON value in a place of GraphQL's `Int`. */
export function intText(json: Json, path: string, fromVariable: boolean, enumLiteral: boolean): string {
  return wholeText(json, path, INT, fromVariable, enumLiteral);
}

function wholeParameter(value: InputValue, whole: Whole): Parameter {
  if (value.kind === "variable") {
    const { path, variable } = value;
    return {
      from: "variable",
      type: INT8,
      name: variable.name,
      encode: (json) => wholeText(json, path, whole, true),
    };
  }
  if (value.kind !== "scalar")
    throw new HasuraError("validation-failed", `expected ${whole.what} for type 'Int'`, value.path);
  return {
    from: "constant",
    type: INT8,
    text: wholeText(value.scalar.json, value.path, whole, value.fromVariable, value.scalar.enumLiteral),
  };
}

function wholeText(json: Json, path: string, whole: Whole, fromVariable: boolean, enumLiteral = false): string {
  const number = isJsonNumber(json);
  const text = number ? json.number : typeof json === "string" && whole.textAllowed ? json : undefined;
  // In a document a float is another kind of literal; in JSON there are only numbers.
  const fits = text !== undefined && (isIntegerText(text) || (number && fromVariable));
  if (text !== undefined && fits && (whole.negative || !text.startsWith("-"))) {
    const value = wholeWithin(text, whole.bits);
    if (value !== undefined) return value.toString();
    if (number) throw outOfBounds(text, path);
  }
  throw new HasuraError(
    "validation-failed",
    `expected ${whole.what} for type 'Int', but found ${foundKind(json, fromVariable, enumLiteral)}`,
    path,
  );
}

/** Literals tell integers from floats; variables do not. */
export function foundKind(json: Json, fromVariable: boolean, enumLiteral: boolean): string {
  if (enumLiteral) return "an enum value";
  if (!fromVariable && isJsonNumber(json)) return isIntegerText(json.number) ? "an integer" : "a float";
  return kindOfJson(json);
}

/** A built-in scalar that planning itself needs; the plan then depends on the variable's value. */
function plainJson(
  context: PlanContext,
  value: InputValue,
): { readonly json: Json; readonly path: string; readonly found: string } {
  if (value.kind === "variable") {
    context.variables.useValue(value.variable.name);
    const json = value.variable.value ?? null;
    return { json, path: value.path, found: kindOfJson(json) };
  }
  if (value.kind === "scalar")
    return {
      json: value.scalar.json,
      path: value.path,
      found: foundKind(value.scalar.json, value.fromVariable, value.scalar.enumLiteral),
    };
  return {
    json: null,
    path: value.path,
    found: value.kind === "list" ? "a list" : value.kind === "object" ? "an object" : "null",
  };
}

export function plainText(context: PlanContext, value: InputValue): string {
  const { json, path, found } = plainJson(context, value);
  if (typeof json === "string" && found === "a string") return json;
  throw new HasuraError("validation-failed", `expected a string for type 'String', but found ${found}`, path);
}

export function plainBoolean(context: PlanContext, value: InputValue): boolean {
  const { json, path, found } = plainJson(context, value);
  if (typeof json === "boolean") return json;
  throw new HasuraError("validation-failed", `expected a boolean for type 'Boolean', but found ${found}`, path);
}
