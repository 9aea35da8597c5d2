import { compareNumbers, isInteger, isJsonNumber } from "@control-plane/queue/json-number";
import { isJsonObject, type JsonNumber, type JsonObject, type JsonValue } from "@control-plane/queue/json-value";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import { z } from "zod";
import type { Problem } from "./problem.ts";

const TYPES = ["null", "boolean", "object", "array", "number", "integer", "string"] as const;
export type JsonType = (typeof TYPES)[number];
const FORMATS = ["date-time", "date", "email", "uri", "uuid"] as const;
export type Format = (typeof FORMATS)[number];

/** The subset of JSON Schema that tenants may write (docs/decisions/0006-json-schema-subset.md): interpreted, never compiled. */
export type Schema = {
  type?: JsonType | readonly JsonType[];
  enum?: readonly JsonValue[];
  const?: JsonValue;
  properties?: { readonly [name: string]: Schema };
  required?: readonly string[];
  additionalProperties?: boolean;
  items?: Schema;
  minItems?: JsonNumber;
  maxItems?: JsonNumber;
  minLength?: JsonNumber;
  maxLength?: JsonNumber;
  minimum?: JsonNumber;
  maximum?: JsonNumber;
  format?: Format;
};

const NESTING_MAX = 10;
const KEYWORDS_MAX = 500;
const BYTES_MAX = 64 * 1024;

const number = z.custom<JsonNumber>(isJsonNumber);
const count = number.refine((value) => isInteger(value) && compareNumbers(value, 0) >= 0);
const typeName = z.enum(TYPES);
const nested = z.custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value));
/** Shape of each keyword's value; nested schemas are walked by hand, so that every fault has its own pointer. */
const KEYWORDS = {
  type: z.union([typeName, z.array(typeName).min(1)]),
  enum: z.array(z.unknown()).min(1),
  const: z.unknown(),
  properties: nested,
  required: z.array(z.string()),
  additionalProperties: z.boolean(),
  items: z.unknown(),
  minItems: count,
  maxItems: count,
  minLength: count,
  maxLength: count,
  minimum: number,
  maximum: number,
  format: z.enum(FORMATS),
  title: z.string(),
  description: z.string(),
  default: z.unknown(),
  examples: z.array(z.unknown()),
} as const satisfies Record<string, z.ZodType>;

/** Undefined for what is not a schema of the subset; its problems are `checkSchema`'s to tell. */
export function readSchema(value: JsonValue | undefined): Schema | undefined {
  return isSchema(value) ? value : undefined;
}

function isSchema(value: JsonValue | undefined): value is JsonValue & Schema {
  return value !== undefined && checkSchema(value, "").length === 0;
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

/** Undefined where any type goes. */
export function typesOf({ type }: Schema): readonly JsonType[] | undefined {
  return type === undefined || typeof type === "object" ? type : [type];
}

export function propertyOf({ properties }: Schema, name: string): Schema | undefined {
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}
