import type { JsonValue } from "@control-plane/queue";
import { z } from "zod";
import { isJsonObject, type JsonObject, jsonPointer } from "./definition.ts";
import { deepEqual, sortedText } from "./json-equality.ts";
import { type Format, type JsonType, propertyOf, type Schema, typesOf } from "./json-schema.ts";

export type Issue = { path: string; message: string };

const ISSUES_MAX = 50;

/** How a value fails a schema; empty = it fits. At most 50 issues. The work is linear in the sizes of both. */
export function validateValue(schema: Schema, value: JsonValue): Issue[] {
  const issues: Issue[] = [];
  check(schema, value, "", issues);
  return issues.slice(0, ISSUES_MAX);
}

function check(schema: Schema, value: JsonValue, path: string, issues: Issue[]): void {
  if (issues.length >= ISSUES_MAX) return;
  const types = typesOf(schema);
  if (types !== undefined && !types.some((type) => hasType(value, type))) {
    issues.push({ path, message: `must be ${types.join(" or ")}` });
    return;
  }
  if (schema.enum !== undefined && !isListed(schema.enum, value))
    issues.push({ path, message: "must be one of the listed values" });
  if (schema.const !== undefined && !deepEqual(schema.const, value))
    issues.push({ path, message: "must be the given constant" });
  if (typeof value === "string") checkText(schema, value, path, issues);
  else if (typeof value === "number") checkNumber(schema, value, path, issues);
  else if (Array.isArray(value)) checkArray(schema, value, path, issues);
  else if (isJsonObject(value)) checkObject(schema, value, path, issues);
}

export function hasType(value: JsonValue, type: JsonType): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "boolean":
    case "string":
    case "number":
      return typeof value === type;
    case "integer":
      return typeof value === "number" && Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isJsonObject(value);
    default:
      return type satisfies never;
  }
}

/** Texts of a list's members, made once: a long list against a long array is not compared pair by pair. */
const listedTexts = new WeakMap<readonly JsonValue[], ReadonlySet<string>>();

function isListed(list: readonly JsonValue[], value: JsonValue): boolean {
  const texts = listedTexts.get(list) ?? new Set(list.map(sortedText));
  listedTexts.set(list, texts);
  return texts.has(sortedText(value));
}

function checkText({ minLength, maxLength, format }: Schema, value: string, path: string, issues: Issue[]): void {
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
  if (minLength !== undefined && length < minLength)
    issues.push({ path, message: `must have at least ${minLength} characters` });
  if (maxLength !== undefined && length > maxLength)
    issues.push({ path, message: `must have at most ${maxLength} characters` });
  if (format !== undefined && !FORMAT_CHECKS[format].safeParse(value).success)
    issues.push({ path, message: `must be a ${format}` });
}

const FORMAT_CHECKS = {
  "date-time": z.iso.datetime({ offset: true }),
  date: z.iso.date(),
  email: z.email(),
  // RFC 3986 knows no blank; the parser of URLs would cut it off.
  uri: z.string().refine((text) => /^[a-z][a-z0-9+.-]*:[^\s]*$/i.test(text) && URL.canParse(text)),
  uuid: z.guid(),
} as const satisfies Record<Format, z.ZodType>;

function checkNumber({ minimum, maximum }: Schema, value: number, path: string, issues: Issue[]): void {
  if (minimum !== undefined && value < minimum) issues.push({ path, message: `must be at least ${minimum}` });
  if (maximum !== undefined && value > maximum) issues.push({ path, message: `must be at most ${maximum}` });
}

function checkArray(
  { minItems, maxItems, items }: Schema,
  value: readonly JsonValue[],
  path: string,
  issues: Issue[],
): void {
  if (minItems !== undefined && value.length < minItems)
    issues.push({ path, message: `must have at least ${minItems} items` });
  if (maxItems !== undefined && value.length > maxItems)
    issues.push({ path, message: `must have at most ${maxItems} items` });
  if (items === undefined) return;
  for (const [index, item] of value.entries()) check(items, item, path + jsonPointer(index), issues);
}

function checkObject(schema: Schema, value: JsonObject, path: string, issues: Issue[]): void {
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) issues.push({ path: path + jsonPointer(name), message: "is required" });
  }
  for (const [name, member] of Object.entries(value)) {
    const property = propertyOf(schema, name);
    if (property !== undefined) check(property, member, path + jsonPointer(name), issues);
    else if (schema.additionalProperties === false)
      issues.push({ path: path + jsonPointer(name), message: "is not allowed" });
  }
}
