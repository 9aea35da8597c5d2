import { z } from "zod";
import { commentSchema, flagSchema, headersSchema, listOf, optional, refused, secondsSchema } from "./field-schemas.ts";
import { unsupported } from "./problem.ts";
import { tableNameSchema } from "./table-name.ts";

const typedFieldSchema = z.strictObject({
  name: z.string().min(1),
  type: z.string().min(1),
  description: commentSchema,
});

const actionDefinitionSchema = z.strictObject({
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
  arguments: listOf(typedFieldSchema),
  output_type: z.string().min(1),
  handler: z.string().min(1),
  headers: headersSchema,
  forward_client_headers: flagSchema,
  ignored_client_headers: optional(z.array(z.string())),
  timeout: optional(secondsSchema),
  request_transform: refused("request_transform"),
  response_transform: refused("response_transform"),
});

export const actionMetadataSchema = z.strictObject({
  name: z.string().min(1),
  definition: actionDefinitionSchema,
  permissions: listOf(z.strictObject({ role: z.string().min(1), comment: commentSchema })),
  comment: commentSchema,
});
export type ActionMetadata = z.infer<typeof actionMetadataSchema>;

const typeRelationshipSchema = z.strictObject({
  name: z.string().min(1),
  type: z.enum(["object", "array"]),
  source: optional(z.string()),
  remote_table: tableNameSchema,
  field_mapping: z.record(z.string(), z.string()),
});

const objectTypeSchema = z.strictObject({
  name: z.string().min(1),
  description: commentSchema,
  fields: z.array(typedFieldSchema.extend({ arguments: refused("an argument of a custom object's field") })),
  relationships: listOf(typeRelationshipSchema),
});

const enumTypeSchema = z.strictObject({
  name: z.string().min(1),
  description: commentSchema,
  values: z.array(
    z.strictObject({ value: z.string().min(1), description: commentSchema, is_deprecated: optional(z.boolean()) }),
  ),
});

export const customTypesMetadataSchema = z
  .strictObject({
    enums: listOf(enumTypeSchema),
    input_objects: listOf(
      z.strictObject({ name: z.string().min(1), description: commentSchema, fields: z.array(typedFieldSchema) }),
    ),
    objects: listOf(objectTypeSchema),
    scalars: listOf(z.strictObject({ name: z.string().min(1), description: commentSchema })),
  })
  .nullish()
  .transform((types) => types ?? { enums: [], input_objects: [], objects: [], scalars: [] });
export type CustomTypesMetadata = z.infer<typeof customTypesMetadataSchema>;
