import { type Json as ExactJson, isJsonList, isJsonNumber, parseJson as parseExact } from "../src/json/exact-json.ts";

/**
 * JSON with whole numbers as bigint, so that digits beyond 2^53 survive comparison and sending. Everything else is as
 * JSON.parse gives it.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };

export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Narrows what a YAML or JSON reader gave; undefined members of objects are dropped. */
export function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toJson);
  if (isObject(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([key, member]) => [key, toJson(member)]));
  }
  throw new Error(`not a JSON value: ${typeof value}`);
}

export function parseJson(text: string): Json {
  return fromExact(parseExact(text));
}

function fromExact(value: ExactJson): Json {
  if (isJsonNumber(value)) return /^-?\d+$/.test(value.number) ? BigInt(value.number) : Number(value.number);
  if (isJsonList(value)) return value.map(fromExact);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, fromExact(member)]));
  return typeof value === "object" ? null : value;
}

export function printJson(value: Json): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(printJson).join(",")}]`;
  if (isJsonObject(value)) {
    return `{${Object.entries(value)
      .map(([key, member]) => `${JSON.stringify(key)}:${printJson(member)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value);
}

export function isJsonObject(value: Json): value is { readonly [key: string]: Json } {
  return isObject(value);
}
