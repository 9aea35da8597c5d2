import { z } from "zod";
import { unsupported } from "./problem.ts";
import { comment, flag, headers, listOf, optional, refused, seconds, tableName } from "./scalars.ts";

const typedField = z.strictObject({ name: z.string().min(1), type: z.string().min(1), description: comment });

const actionDefinition = z.strictObject({
  kind: optional(
    z
      .string()
      .refine((kind) => kind !== "asynchronous", unsupported("an asynchronous action"))
      .refine((kind) => ["", "synchronous", "asynchronous"].includes(kind), 'kind must be "synchronous"'),
  ),
  type: z
    .enum(["query", "mutation"])
    .nullish()
    .transform((type) => type ?? "mutation"),
  arguments: listOf(typedField),
  output_type: z.string().min(1),
  handler: z.string().min(1),
  headers,
  forward_client_headers: flag,
  ignored_client_headers: optional(z.array(z.string())),
  timeout: optional(seconds),
  request_transform: refused("request_transform"),
  response_transform: refused("response_transform"),
});

export const actionMetadata = z.strictObject({
  name: z.string().min(1),
  definition: actionDefinition,
  permissions: listOf(z.strictObject({ role: z.string().min(1), comment })),
  comment,
});
export type ActionMetadata = z.infer<typeof actionMetadata>;

const typeRelationship = z.strictObject({
  name: z.string().min(1),
  type: z.enum(["object", "array"]),
  source: optional(z.string()),
  remote_table: tableName,
  field_mapping: z.record(z.string(), z.string()),
});

const objectType = z.strictObject({
  name: z.string().min(1),
  description: comment,
  fields: z.array(typedField.extend({ arguments: refused("an argument of a custom object's field") })),
  relationships: listOf(typeRelationship),
});

const enumType = z.strictObject({
  name: z.string().min(1),
  description: comment,
  values: z.array(
    z.strictObject({ value: z.string().min(1), description: comment, is_deprecated: optional(z.boolean()) }),
  ),
});

export const customTypesMetadata = z
  .strictObject({
    enums: listOf(enumType),
    input_objects: listOf(
      z.strictObject({ name: z.string().min(1), description: comment, fields: z.array(typedField) }),
    ),
    objects: listOf(objectType),
    scalars: listOf(z.strictObject({ name: z.string().min(1), description: comment })),
  })
  .nullish()
  .transform((types) => types ?? { enums: [], input_objects: [], objects: [], scalars: [] });
export type CustomTypesMetadata = z.infer<typeof customTypesMetadata>;
