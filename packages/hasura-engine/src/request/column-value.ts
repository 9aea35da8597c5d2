import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonNumber, type Json, printJson } from "../json/exact-json.ts";
import type { PgType } from "../model/model.ts";
import type { Parameter } from "../permissions/expression.ts";
import type { InputValue } from "./input-value.ts";
import { outOfBounds, wholeNumber } from "./whole-number.ts";

const INTEGER_BOUNDS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int2: [-32_768n, 32_767n],
  int4: [-2_147_483_648n, 2_147_483_647n],
  int8: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};
const NUMBERS = new Set(["float4", "float8", "numeric", "money"]);

/**
 * PostgreSQL text of a value for a column type: a JSON value of the fitting kind, or a text for any type, which
 * PostgreSQL then casts. JSON columns take every value. Throws `parse-failed` at `path` for other kinds.
 */
export function encodeValue(json: Json, type: PgType, path: string): string | null {
  if (json === null) return null;
  if (type.kind === "array" && type.element !== undefined)
    return encodeArray(isJsonList(json) ? json : [json], type.element, path);
  if (type.baseName === "jsonb" || type.baseName === "json") return printJson(json);
  if (typeof json === "string") return json;
  if (isJsonNumber(json)) return encodeNumber(json.number, type, path);
  if (typeof json === "boolean" && type.baseName === "bool") return String(json);
  throw wrongKind(json, type, path);
}

function encodeNumber(text: string, type: PgType, path: string): string {
  const bounds = INTEGER_BOUNDS[type.baseName];
  if (bounds !== undefined) {
    const whole = wholeNumber(text);
    if (whole !== undefined && whole >= bounds[0] && whole <= bounds[1]) return whole.toString();
    throw outOfBounds(text, path);
  }
  if (NUMBERS.has(type.baseName)) return text;
  throw wrongKind({ number: text }, type, path);
}

function encodeArray(items: readonly Json[], element: PgType, path: string): string {
  const texts = items.map((item, index) => {
    const place = `${path}[${index}]`;
    if (isJsonList(item) && element.baseName !== "jsonb" && element.baseName !== "json")
      return encodeArray(item, element, place);
    const text = encodeValue(item, element, place);
    if (text === null)
      throw new HasuraError("validation-failed", `unexpected null value for type '${element.scalar}'`, place);
    return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
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
