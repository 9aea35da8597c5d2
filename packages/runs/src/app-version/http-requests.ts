import { contractNumber } from "@control-plane/queue/json-number";
import { jsonValueSchema } from "@control-plane/queue/json-value";
import { parsePointer } from "@control-plane/service-kit/json-pointer";
import { z } from "zod";
import { headerNameSchema } from "./auth.ts";

const PATH_FORM = /^\/[^\s#\\]*$/;
const path = z.string().max(2_000).regex(PATH_FORM, "must begin with / and have no blank, # or backslash");

/** The request that shows whether a connection works. */
export const testRequestSchema = z.strictObject({
  method: z.enum(["GET", "POST"]),
  path,
  expectedStatus: z
    .array(contractNumber(z.int().min(100).max(599)))
    .min(1)
    .max(20),
  assert: z
    .strictObject({
      pointer: z
        .string()
        .max(500)
        .refine((text) => parsePointer(text) !== undefined, "must be a JSON pointer"),
      equals: jsonValueSchema,
    })
    .optional(),
});
export type TestRequest = z.infer<typeof testRequestSchema>;

const values = z.record(z.string().min(1).max(200), jsonValueSchema);

/** An action that is one HTTP call; every value in it may refer to the step's resolved input. */
export const actionRequestSchema = z.strictObject({
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
  path: path.refine((text) => !/[{}]/.test(text.replace(/\{[^{}]+\}/g, "")), "braces stand around names only"),
  query: values.default({}),
  headers: z.record(headerNameSchema, jsonValueSchema).default({}),
  body: jsonValueSchema.optional(),
});

/** Names in braces, which input properties replace. */
export function pathParameters(template: string): string[] {
  return [...template.matchAll(/\{([^{}]+)\}/g)].map(([, name = ""]) => name);
}
