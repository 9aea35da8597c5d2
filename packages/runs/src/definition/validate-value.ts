import { deepEqual, sortedText } from "@control-plane/queue/json-equality";
import { compareNumbers, isInteger, isJsonNumber, numberText } from "@control-plane/queue/json-number";
import { isJsonObject, type JsonNumber, type JsonObject, type JsonValue } from "@control-plane/queue/json-value";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import { z } from "zod";
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
  else if (isJsonNumber(value)) checkNumber(schema, value, path, issues);
  else if (Array.isArray(value)) checkArray(schema, value, path, issues);
  else if (isJsonObject(value)) checkObject(schema, value, path, issues);
}

function hasType(value: JsonValue, type: JsonType): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "boolean":
    case "string":
      return typeof value === type;
    case "number":
      return isJsonNumber(value);
    case "integer":
      return isJsonNumber(value) && isInteger(value);
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
  if (isBelow(length, minLength)) issues.push({ path, message: `must have at least ${shown(minLength)} characters` });
  if (isAbove(length, maxLength)) issues.push({ path, message: `must have at most ${shown(maxLength)} characters` });
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

function checkNumber({ minimum, maximum }: Schema, value: JsonNumber, path: string, issues: Issue[]): void {
  if (isBelow(value, minimum)) issues.push({ path, message: `must be at least ${shown(minimum)}` });
  if (isAbove(value, maximum)) issues.push({ path, message: `must be at most ${shown(maximum)}` });
}

function isBelow(value: JsonNumber, limit: JsonNumber | undefined): boolean {
  return limit !== undefined && compareNumbers(value, limit) < 0;
}

function isAbove(value: JsonNumber, limit: JsonNumber | undefined): boolean {
  return limit !== undefined && compareNumbers(value, limit) > 0;
}

function shown(limit: JsonNumber | undefined): string {
  return limit === undefined ? "" : numberText(limit);
}

function checkArray(
  { minItems, maxItems, items }: Schema,
  value: readonly JsonValue[],
  path: string,
  issues: Issue[],
): void {
  if (isBelow(value.length, minItems)) issues.push({ path, message: `must have at least ${shown(minItems)} items` });
  if (isAbove(value.length, maxItems)) issues.push({ path, message: `must have at most ${shown(maxItems)} items` });
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
