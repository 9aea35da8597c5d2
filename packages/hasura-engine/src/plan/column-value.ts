import { isJsonType, NUMERIC_TYPES, type PgType } from "../catalog/pg-type.ts";
import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonNumber, type Json, printJson } from "../json/exact-json.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import { quoteElement } from "../model/permissions/literal.ts";
import type { InputValue } from "./input-value.ts";
import { outOfBounds, wholeWithin } from "./whole-number.ts";

const INTEGER_BITS: ReadonlyMap<string, 16 | 32 | 64> = new Map([
  ["int2", 16],
  ["int4", 32],
  ["int8", 64],
]);

/**
 * PostgreSQL text of a value for a column type: a JSON value of the fitting kind, or a text for any type, which
 * PostgreSQL then casts. JSON columns take every value. Throws `parse-failed` at `path` for other kinds.
 */
function encodeValue(json: Json, type: PgType, path: string): string | null {
  if (json === null) return null;
  if (type.kind === "array" && type.element !== undefined)
    return encodeArray(isJsonList(json) ? json : [json], type.element, path);
  if (isJsonType(type)) return printJson(json);
  if (typeof json === "string") return json;
  if (isJsonNumber(json)) return encodeNumber(json.number, type, path);
  if (typeof json === "boolean" && type.baseName === "bool") return String(json);
  throw wrongKind(json, type, path);
}

function encodeNumber(text: string, type: PgType, path: string): string {
  const bits = INTEGER_BITS.get(type.baseName);
  if (bits !== undefined) {
    const whole = wholeWithin(text, bits);
    if (whole !== undefined) return whole.toString();
    throw outOfBounds(text, path);
  }
  if (NUMERIC_TYPES.has(type.baseName)) return text;
  throw wrongKind({ number: text }, type, path);
}

function encodeArray(items: readonly Json[], element: PgType, path: string): string {
  const texts = items.map((item, index) => {
    const place = `${path}[${index}]`;
    if (isJsonList(item) && !isJsonType(element)) return encodeArray(item, element, place);
    const text = encodeValue(item, element, place);
    if (text === null)
      throw new HasuraError("validation-failed", `unexpected null value for type '${element.scalar}'`, place);
    return quoteElement(text);
  });
  return `{${texts.join(",")}}`;
}

/** What Hasura's JSON reader calls a type, and the kind of JSON it wants; every other type wants a text. */
const READERS: Readonly<Record<string, readonly [type: string, kind: string]>> = {
  int2: ["Scientific", "Number"],
  int4: ["Scientific", "Number"],
  int8: ["Scientific", "Number"],
  numeric: ["Scientific", "Number"],
  money: ["Scientific", "Number"],
  float4: ["Float", "Number"],
  float8: ["Double", "Number"],
  bool: ["Bool", "Boolean"],
  text: ["Text", "String"],
  varchar: ["Text", "String"],
  bpchar: ["Text", "String"],
  citext: ["Text", "String"],
  uuid: ["UUID", "String"],
  date: ["Day", "String"],
  timestamp: ["LocalTime", "String"],
  timestamptz: ["UTCTime", "String"],
};

function wrongKind(json: Json, type: PgType, path: string): HasuraError {
  const [reader, wanted] = READERS[type.baseName] ?? [];
  return new HasuraError(
    "parse-failed",
    reader === undefined
      ? `A string is expected for type: ${type.name}`
      : `parsing ${reader} failed, expected ${wanted}, but encountered ${jsonKind(json)}`,
    path,
  );
}

function jsonKind(json: Json): string {
  if (json === null) return "Null";
  if (typeof json === "boolean") return "Boolean";
  if (typeof json === "string") return "String";
  if (isJsonNumber(json)) return "Number";
  return isJsonList(json) ? "Array" : "Object";
}

/** A checked value as parameter of a type. */
export function columnParameter(value: InputValue, type: PgType): Parameter {
  switch (value.kind) {
    case "null":
      return { from: "constant", type, text: null };
    case "variable": {
      const { path, variable } = value;
      return { from: "variable", type, name: variable.name, encode: (json) => encodeValue(json, type, path) };
    }
    case "scalar":
      return { from: "constant", type, text: encodeValue(value.scalar.json, type, value.path) };
    case "enum":
      return { from: "constant", type, text: value.value };
    case "list":
      return { from: "constant", type, text: encodeValue(value.items.map(itemJson), type, value.path) };
    case "object":
      throw new HasuraError("validation-failed", `a value of type ${type.name} is expected`, value.path);
  }
}

/** Variables inside a list of scalars: their value is read now, and the plan is not kept. */
function itemJson(value: InputValue): Json {
  switch (value.kind) {
    case "scalar":
      return value.scalar.json;
    case "enum":
      return value.value;
    case "variable":
      return value.variable.value ?? null;
    case "list":
      return value.items.map(itemJson);
    case "null":
    case "object":
      return null;
  }
}

/** Whether a list holds variables, so that a plan with it must not be kept. */
export function holdsVariables(value: InputValue): readonly string[] {
  if (value.kind !== "list") return [];
  return value.items.flatMap((item) => (item.kind === "variable" ? [item.variable.name] : holdsVariables(item)));
}
