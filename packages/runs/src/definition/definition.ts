import { contractNumber } from "@control-plane/queue/json-number";
import { jsonObjectSchema, jsonValueSchema } from "@control-plane/queue/json-value";
import { z } from "zod";
import { DEFINITION_DEFAULTS } from "../run-defaults.ts";

const keySchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "must be lower-case letters, digits and underscores, at most 63");

const conditionSchema = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal("EXISTS"), left: jsonValueSchema }),
  z.strictObject({
    op: z.enum(["EQ", "NE", "GT", "GTE", "LT", "LTE", "IN"]),
    left: jsonValueSchema,
    right: jsonValueSchema,
  }),
]);
export type Condition = z.infer<typeof conditionSchema>;

export const stepSchema = z.strictObject({
  key: keySchema,
  name: z.string().max(120).optional(),
  actionId: z.uuid(),
  connectionId: z.uuid().optional(),
  dependsOn: z.array(keySchema).max(100).default([]),
  input: jsonObjectSchema.default({}),
  when: conditionSchema.optional(),
  timeoutSeconds: contractNumber(z.int().min(1).max(3600)).optional(),
});
export type StepDefinition = z.infer<typeof stepSchema>;

const { retry, timeoutSeconds } = DEFINITION_DEFAULTS;

const retrySchema = z.strictObject({
  maxAttempts: contractNumber(z.int().min(1).max(10)).default(retry.maxAttempts),
  initialDelaySeconds: contractNumber(z.int().min(1).max(3600)).default(retry.initialDelaySeconds),
  factor: contractNumber(z.number().min(1).max(10)).default(retry.factor),
  maxDelaySeconds: contractNumber(z.int().min(1).max(86_400)).default(retry.maxDelaySeconds),
});

/** A workflow definition of schemaVersion 1: a directed acyclic graph of steps. */
export const definitionSchema = z.strictObject({
  schemaVersion: contractNumber(z.literal(1)),
  timeoutSeconds: contractNumber(z.int().min(10).max(86_400)).default(timeoutSeconds),
  retry: retrySchema.default(retry),
  inputSchema: jsonValueSchema.optional(),
  steps: z.array(stepSchema).min(1).max(100),
  output: jsonValueSchema.default(null),
});
export type Definition = z.infer<typeof definitionSchema>;
export type RetryPolicy = Definition["retry"];
