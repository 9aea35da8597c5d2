import { isJsonValue, type JsonValue, jsonValueSchema } from "@control-plane/queue";
import { z } from "zod";

const keySchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "must be lower-case letters, digits and underscores, at most 63");

export const conditionSchema = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal("EXISTS"), left: jsonValueSchema }),
  z.strictObject({
    op: z.enum(["EQ", "NE", "GT", "GTE", "LT", "LTE", "IN"]),
    left: jsonValueSchema,
    right: jsonValueSchema,
  }),
]);
export type Condition = z.infer<typeof conditionSchema>;

export type JsonObject = { readonly [key: string]: JsonValue };
const jsonObjectSchema = z.custom<JsonObject>(
  (value) => isJsonValue(value) && isJsonObject(value),
  "must be an object",
);

export const stepSchema = z.strictObject({
  key: keySchema,
  name: z.string().max(120).optional(),
  actionId: z.uuid(),
  connectionId: z.uuid().optional(),
  dependsOn: z.array(keySchema).max(100).default([]),
  input: jsonObjectSchema.default({}),
  when: conditionSchema.optional(),
  timeoutSeconds: z.int().min(1).max(3600).optional(),
});
export type StepDefinition = z.infer<typeof stepSchema>;

export const retrySchema = z.strictObject({
  maxAttempts: z.int().min(1).max(10).default(3),
  initialDelaySeconds: z.int().min(1).max(3600).default(5),
  factor: z.number().min(1).max(10).default(2),
  maxDelaySeconds: z.int().min(1).max(86_400).default(300),
});

/** A workflow definition of schemaVersion 1: a directed acyclic graph of steps. */
export const definitionSchema = z.strictObject({
  schemaVersion: z.literal(1),
  timeoutSeconds: z.int().min(10).max(86_400).default(3600),
  retry: retrySchema.default({ maxAttempts: 3, initialDelaySeconds: 5, factor: 2, maxDelaySeconds: 300 }),
  inputSchema: jsonValueSchema.optional(),
  steps: z.array(stepSchema).min(1).max(100),
  output: jsonValueSchema.default(null),
});
export type Definition = z.infer<typeof definitionSchema>;

export type Problem = { pointer: string; code: ProblemCode; message: string };
export type ProblemCode =
  | "SHAPE_INVALID"
  | "TOO_LARGE"
  | "SCHEMA_UNSUPPORTED"
  | "SCHEMA_INVALID"
  | "KEY_DUPLICATE"
  | "DEPENDENCY_UNKNOWN"
  | "DEPENDENCY_CYCLE"
  | "ACTION_UNKNOWN"
  | "ACTION_NOT_PUBLISHED"
  | "CONNECTION_MISSING"
  | "CONNECTION_NOT_ALLOWED"
  | "CONNECTION_UNKNOWN"
  | "CONNECTION_WRONG_APP"
  | "REF_INVALID"
  | "REF_NOT_UPSTREAM"
  | "REF_UNKNOWN_PROPERTY"
  | "INPUT_PROPERTY_MISSING"
  | "INPUT_TYPE_MISMATCH";

/** RFC 6901. */
export function jsonPointer(...segments: readonly (string | number | symbol)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The segments of a pointer; undefined for a text that is none. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
