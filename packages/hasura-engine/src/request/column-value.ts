import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonNumber, type Json, printJson } from "../json/exact-json.ts";
import type { PgType } from "../model/model.ts";
import type { Parameter } from "../permissions/expression.ts";
import { type InputValue, isIntegerText, kindOfJson } from "./input-value.ts";

const INTEGER_BOUNDS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int2: [-32_768n, 32_767n],
  int4: [-2_147_483_648n, 2_147_483_647n],
  int8: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};
const NUMBERS = new Set(["float4", "float8", "numeric"]);

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
    throw new HasuraError(
      "parse-failed",
      `The value ${scientific(text)} lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?`,
      path,
    );
  }
  if (NUMBERS.has(type.baseName)) return text;
  throw wrongKind({ number: text }, type, path);
}

/** More digits than any bound has; making a number of a very long text takes its time. */
const DIGITS_MAX = 100;

/** `1e3` and `5.0` are whole numbers too. */
function wholeNumber(text: string): bigint | undefined {
  if (text.length > DIGITS_MAX) return undefined;
  if (isIntegerText(text)) return BigInt(text);
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const shift = Number(exponent);
  if (Math.abs(shift) > 40) return undefined;
  const digits = whole + fraction.padEnd(Math.max(fraction.length, shift), "0");
  const point = whole.length + shift;
  if (point < 0 || /[1-9]/.test(digits.slice(point))) return undefined;
  return BigInt(`${sign}${digits.slice(0, point) || "0"}`);
}

/** Haskell's way to show a number, as in `2.147483648e9`. */
function scientific(text: string): string {
  const match = text.length > DIGITS_MAX ? null : /^(-?)0*(\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text.slice(0, DIGITS_MAX);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  const leading = (whole + fraction).length - digits.length;
  const power = whole.length - leading - 1 + Number(exponent);
  const shown = digits.replace(/0+$/, "");
  if (power >= 0 && power < 7) {
    const padded = shown.padEnd(power + 1, "0");
    const rest = padded.slice(power + 1);
    return `${sign}${padded.slice(0, power + 1)}${rest === "" ? "" : `.${rest}`}`;
  }
  return `${sign}${shown[0]}.${shown.slice(1) || "0"}e${power}`;
}

function encodeArray(items: readonly Json[], element: PgType, path: string): string {
  const texts = items.map((item, index) => {
    const place = `${path}[${index}]`;
    if (isJsonList(item) && element.baseName !== "jsonb" && element.baseName !== "json")
      return encodeArray(item, element, place);
    const text = encodeValue(item, element, place);
    return text === null ? "NULL" : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  });
  return `{${texts.join(",")}}`;
}

function wrongKind(json: Json, type: PgType, path: string): HasuraError {
  const found = kindOfJson(json);
  return new HasuraError("parse-failed", `a value of type ${type.name} is expected, but found ${found}`, path);
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
