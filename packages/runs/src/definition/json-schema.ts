import { z } from "zod";
import { isJsonObject, type JsonValue, jsonPointer, type Problem } from "./definition.ts";

const TYPES = ["null", "boolean", "object", "array", "number", "integer", "string"] as const;
export type JsonType = (typeof TYPES)[number];
const FORMATS = ["date-time", "date", "email", "uri", "uuid"] as const;
type Format = (typeof FORMATS)[number];

/** The subset of JSON Schema that tenants may write (catalogue-and-workflows.md §2). It is interpreted, never compiled. */
export type Schema = {
  type?: JsonType | readonly JsonType[];
  enum?: readonly JsonValue[];
  const?: JsonValue;
  properties?: { readonly [name: string]: Schema };
  required?: readonly string[];
  additionalProperties?: boolean;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  format?: Format;
};

const NESTING_MAX = 10;
const KEYWORDS_MAX = 500;
const BYTES_MAX = 64 * 1024;

const count = z.int().min(0);
const typeName = z.enum(TYPES);
/** Shape of each keyword's value; nested schemas are walked by hand, so that every fault has its own pointer. */
const KEYWORDS = {
  type: z.union([typeName, z.array(typeName).min(1)]),
  enum: z.array(z.unknown()).min(1),
  const: z.unknown(),
  properties: z.record(z.string(), z.unknown()),
  required: z.array(z.string()),
  additionalProperties: z.boolean(),
  items: z.unknown(),
  minItems: count,
  maxItems: count,
  minLength: count,
  maxLength: count,
  minimum: z.number(),
  maximum: z.number(),
  format: z.enum(FORMATS),
  title: z.string(),
  description: z.string(),
  default: z.unknown(),
  examples: z.array(z.unknown()),
} as const satisfies Record<string, z.ZodType>;

const schemaSchema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    type: KEYWORDS.type.optional(),
    enum: z.array(z.custom<JsonValue>()).optional(),
    const: z.custom<JsonValue>().optional(),
    properties: z.record(z.string(), schemaSchema).optional(),
    required: KEYWORDS.required.optional(),
    additionalProperties: z.boolean().optional(),
    items: schemaSchema.optional(),
    minItems: count.optional(),
    maxItems: count.optional(),
    minLength: count.optional(),
    maxLength: count.optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    format: KEYWORDS.format.optional(),
  }),
) as z.ZodType<Schema>;

/** A schema that was checked before; throws for one that never was. */
export function readSchema(value: unknown): Schema {
  return schemaSchema.parse(value);
}

/** Everything wrong with a schema somebody wrote; `at` is where it stands. */
export function checkSchema(value: JsonValue, at: string): Problem[] {
  const problems: Problem[] = [];
  const budget = { keywords: 0 };
  if (Buffer.byteLength(JSON.stringify(value)) > BYTES_MAX)
    return [{ pointer: at, code: "SCHEMA_INVALID", message: "the schema is larger than 64 KiB" }];
  walk(value, at, 1, budget, problems);
  if (budget.keywords > KEYWORDS_MAX)
    problems.push({
      pointer: at,
      code: "SCHEMA_INVALID",
      message: `the schema has more than ${KEYWORDS_MAX} keywords`,
    });
  return problems;
}

function walk(value: JsonValue, at: string, depth: number, budget: { keywords: number }, problems: Problem[]): void {
  if (!isJsonObject(value)) {
    problems.push({ pointer: at, code: "SCHEMA_INVALID", message: "a schema is an object" });
    return;
  }
  if (depth > NESTING_MAX) {
    problems.push({ pointer: at, code: "SCHEMA_INVALID", message: `schemas nest at most ${NESTING_MAX} levels` });
    return;
  }
  for (const [keyword, member] of Object.entries(value)) {
    budget.keywords += 1;
    const pointer = at + jsonPointer(keyword);
    if (!isKeyword(keyword))
      problems.push({ pointer, code: "SCHEMA_UNSUPPORTED", message: `the keyword ${keyword} is not supported` });
    else if (!KEYWORDS[keyword].safeParse(member).success)
      problems.push({ pointer, code: "SCHEMA_INVALID", message: `not a value of the keyword ${keyword}` });
    else if (keyword === "items") walk(member, pointer, depth + 1, budget, problems);
    else if (keyword === "properties" && isJsonObject(member)) {
      for (const [name, schema] of Object.entries(member))
        walk(schema, pointer + jsonPointer(name), depth + 1, budget, problems);
    }
  }
}

function isKeyword(name: string): name is keyof typeof KEYWORDS {
  return Object.hasOwn(KEYWORDS, name);
}

export type Issue = { path: string; message: string };

const ISSUES_MAX = 50;

/** How a value fails a schema; empty = it fits. At most 50 issues. */
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
  if (schema.enum !== undefined && !schema.enum.some((item) => deepEqual(item, value)))
    issues.push({ path, message: "must be one of the listed values" });
  if (schema.const !== undefined && !deepEqual(schema.const, value))
    issues.push({ path, message: "must be the given constant" });
  if (typeof value === "string") checkText(schema, value, path, issues);
  else if (typeof value === "number") checkNumber(schema, value, path, issues);
  else if (Array.isArray(value)) checkArray(schema, value, path, issues);
  else if (isJsonObject(value)) checkObject(schema, value, path, issues);
}

export function typesOf(schema: Schema): readonly JsonType[] | undefined {
  return schema.type === undefined ? undefined : typeof schema.type === "string" ? [schema.type] : schema.type;
}

function hasType(value: JsonValue, type: JsonType): boolean {
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
  }
}

function checkText({ minLength, maxLength, format }: Schema, value: string, path: string, issues: Issue[]): void {
  const length = [...value].length;
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
  uri: z.url(),
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

function checkObject(
  schema: Schema,
  value: { readonly [key: string]: JsonValue },
  path: string,
  issues: Issue[],
): void {
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

export function propertyOf(schema: Schema, name: string): Schema | undefined {
  return schema.properties !== undefined && Object.hasOwn(schema.properties, name)
    ? schema.properties[name]
    : undefined;
}

/** Equality of JSON values; the order of keys does not count. */
export function deepEqual(left: JsonValue, right: JsonValue): boolean {
  if (left === right) return true;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => deepEqual(item, right[index] ?? null))
    );
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && deepEqual(left[key] ?? null, right[key] ?? null))
  );
}
