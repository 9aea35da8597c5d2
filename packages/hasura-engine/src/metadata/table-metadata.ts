import { z } from "zod";
import {
  commentSchema,
  flagSchema,
  headersSchema,
  isEmpty,
  listOf,
  nonNegativeSchema,
  optional,
  refused,
} from "./field-schemas.ts";
import { unsupported } from "./problem.ts";
import { tableNameSchema } from "./table-name.ts";

const columnsSchema = z.union([z.literal("*"), z.array(z.string())]);

const UNSUPPORTED_OPERATORS: ReadonlyMap<string, string> = new Map([
  ["ancestor", "ltree"],
  ["ancestor_any", "ltree"],
  ["descendant", "ltree"],
  ["descendant_any", "ltree"],
  ["matches", "ltree"],
  ["matches_any", "ltree"],
  ["matches_fulltext", "ltree"],
]);

/** A row condition of the permission language; its names are looked up when the model is built. */
const booleanExpressionSchema = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  for (const { path, operator } of operatorsIn(value, [])) {
    const extension = operator.startsWith("st_") ? "PostGIS" : UNSUPPORTED_OPERATORS.get(operator);
    if (extension !== undefined) {
      context.addIssue({ code: "custom", path, message: unsupported(`the ${extension} operator _${operator}`) });
    }
  }
});

function* operatorsIn(
  value: unknown,
  path: readonly (string | number)[],
): Generator<{ path: (string | number)[]; operator: string }> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* operatorsIn(item, [...path, index]);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (/^[_$]/.test(key)) yield { path: [...path, key], operator: key.slice(1) };
      // Values of the containment operators are data, not conditions.
      if (!/^[_$]contain(s|ed_in)$/.test(key)) yield* operatorsIn(item, [...path, key]);
    }
  }
}

const presetsSchema = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {});

const permission = <T extends z.ZodRawShape>(shape: T) =>
  listOf(
    z.strictObject({
      role: z
        .string()
        .min(1)
        .refine((role) => role !== "admin", unsupported("a permission of role admin, which may do everything,")),
      comment: commentSchema,
      permission: z.strictObject(shape),
    }),
  );

const rootFields = <const T extends readonly string[]>(names: T) => optional(z.array(z.enum(names)));

const selectPermissionsSchema = permission({
  columns: columnsSchema,
  filter: booleanExpressionSchema,
  limit: optional(nonNegativeSchema),
  allow_aggregations: flagSchema,
  query_root_fields: rootFields(["select", "select_by_pk", "select_aggregate"]),
  subscription_root_fields: rootFields(["select", "select_by_pk", "select_aggregate", "select_stream"]),
  computed_fields: refused("computed_fields in a permission"),
});
const insertPermissionsSchema = permission({
  check: booleanExpressionSchema,
  set: presetsSchema,
  columns: optional(columnsSchema),
  backend_only: flagSchema,
  validate_input: refused("validate_input"),
});
const updatePermissionsSchema = permission({
  columns: columnsSchema,
  filter: booleanExpressionSchema,
  check: optional(booleanExpressionSchema),
  set: presetsSchema,
  backend_only: flagSchema,
  validate_input: refused("validate_input"),
});
const deletePermissionsSchema = permission({
  filter: booleanExpressionSchema,
  backend_only: flagSchema,
  validate_input: refused("validate_input"),
});

const manualConfigurationSchema = z.strictObject({
  manual_configuration: z.strictObject({
    remote_table: tableNameSchema,
    column_mapping: z.record(z.string(), z.string()),
    insertion_order: optional(z.enum(["before_parent", "after_parent"])),
  }),
});
const remoteKeyColumnsSchema = z.union([
  z
    .strictObject({ table: tableNameSchema, column: z.string() })
    .transform(({ table, column }) => ({ table, columns: [column] })),
  z.strictObject({ table: tableNameSchema, columns: z.array(z.string()).min(1) }),
  // The legacy API took one column under the plural key.
  z
    .strictObject({ table: tableNameSchema, columns: z.string() })
    .transform(({ table, columns: column }) => ({ table, columns: [column] })),
]);
const ownKeyColumnsSchema = z.union([z.string().transform((column) => [column]), z.array(z.string()).min(1)]);

const relationship = <T extends z.ZodType>(using: T) =>
  listOf(
    z.strictObject({
      name: z.string().min(1),
      using: z.union([using, manualConfigurationSchema]),
      comment: commentSchema,
    }),
  );

const objectRelationshipsSchema = relationship(
  z.strictObject({ foreign_key_constraint_on: z.union([ownKeyColumnsSchema, remoteKeyColumnsSchema]) }),
);
const arrayRelationshipsSchema = relationship(z.strictObject({ foreign_key_constraint_on: remoteKeyColumnsSchema }));

export type RemoteFieldPath = {
  readonly [field: string]: {
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly field?: RemoteFieldPath | undefined;
  };
};
const remoteFieldSchema: z.ZodType<RemoteFieldPath> = z.lazy(() =>
  z
    .record(
      z.string(),
      z.strictObject({ arguments: z.record(z.string(), z.unknown()), field: optional(remoteFieldSchema) }),
    )
    .refine((fields) => Object.keys(fields).length === 1, "exactly one field must be named"),
);

const toRemoteSchemaSchema = z.strictObject({
  remote_schema: z.string(),
  lhs_fields: z.array(z.string()),
  remote_field: remoteFieldSchema,
});
const legacyToRemoteSchemaSchema = z
  .strictObject({ remote_schema: z.string(), hasura_fields: z.array(z.string()), remote_field: remoteFieldSchema })
  .transform(({ hasura_fields, ...rest }) => ({ to_remote_schema: { ...rest, lhs_fields: hasura_fields } }));
const remoteRelationshipsSchema = listOf(
  z.strictObject({
    name: z.string().min(1),
    definition: z
      .unknown()
      .superRefine((value, context) => {
        if (typeof value === "object" && value !== null && "to_source" in value) {
          context.addIssue({
            code: "custom",
            message: unsupported("a remote relationship other than to_remote_schema"),
          });
        }
      })
      .pipe(z.union([z.strictObject({ to_remote_schema: toRemoteSchemaSchema }), legacyToRemoteSchemaSchema])),
  }),
);

const columnChoiceSchema = optional(columnsSchema);
const operationSchema = optional(z.strictObject({ columns: columnsSchema, payload: columnChoiceSchema }));

const eventTriggersSchema = listOf(
  z.strictObject({
    name: z.string().min(1),
    definition: z.strictObject({
      enable_manual: flagSchema,
      insert: operationSchema,
      update: operationSchema,
      delete: operationSchema,
    }),
    retry_conf: z.strictObject({
      num_retries: nonNegativeSchema,
      interval_sec: nonNegativeSchema,
      timeout_sec: optional(z.number().int().positive()),
    }),
    webhook: optional(z.string()),
    webhook_from_env: optional(z.string()),
    headers: headersSchema,
    request_transform: refused("request_transform"),
    response_transform: refused("response_transform"),
    cleanup_config: refused("cleanup_config"),
    trigger_on_replication: refused("trigger_on_replication", (value) => isEmpty(value) || value === false),
  }),
);
export type EventTriggerMetadata = z.infer<typeof eventTriggersSchema>[number];

const rootFieldSchema = optional(
  z.union([
    z.string().transform((name) => ({ name, comment: undefined })),
    z.strictObject({ name: optional(z.string()), comment: commentSchema }),
  ]),
);
export const ROOT_FIELD_KINDS = [
  "select",
  "select_by_pk",
  "select_aggregate",
  "select_stream",
  "insert",
  "insert_one",
  "update",
  "update_by_pk",
  "update_many",
  "delete",
  "delete_by_pk",
] as const;

const configurationSchema = z
  .strictObject({
    custom_name: optional(z.string()),
    custom_root_fields: optional(
      z.strictObject({
        select: rootFieldSchema,
        select_by_pk: rootFieldSchema,
        select_aggregate: rootFieldSchema,
        select_stream: rootFieldSchema,
        insert: rootFieldSchema,
        insert_one: rootFieldSchema,
        update: rootFieldSchema,
        update_by_pk: rootFieldSchema,
        update_many: rootFieldSchema,
        delete: rootFieldSchema,
        delete_by_pk: rootFieldSchema,
      }),
    ),
    custom_column_names: optional(z.record(z.string(), z.string())),
    column_config: optional(
      z.record(z.string(), z.strictObject({ custom_name: optional(z.string()), comment: commentSchema })),
    ),
    comment: commentSchema,
  })
  .nullish()
  .transform((value) => value ?? undefined);

export const tableMetadataSchema = z.strictObject({
  table: tableNameSchema,
  is_enum: flagSchema,
  configuration: configurationSchema,
  object_relationships: objectRelationshipsSchema,
  array_relationships: arrayRelationshipsSchema,
  remote_relationships: remoteRelationshipsSchema,
  select_permissions: selectPermissionsSchema,
  insert_permissions: insertPermissionsSchema,
  update_permissions: updatePermissionsSchema,
  delete_permissions: deletePermissionsSchema,
  event_triggers: eventTriggersSchema,
  computed_fields: refused("computed_fields"),
  apollo_federation_config: refused("apollo_federation_config"),
  logical_model: refused("logical_model"),
});
export type TableMetadata = z.infer<typeof tableMetadataSchema>;
export type ObjectRelationshipMetadata = TableMetadata["object_relationships"][number];
export type ArrayRelationshipMetadata = TableMetadata["array_relationships"][number];
export type RemoteRelationshipMetadata = TableMetadata["remote_relationships"][number];
export type SelectPermissionMetadata = TableMetadata["select_permissions"][number];
export type InsertPermissionMetadata = TableMetadata["insert_permissions"][number];
export type UpdatePermissionMetadata = TableMetadata["update_permissions"][number];
export type DeletePermissionMetadata = TableMetadata["delete_permissions"][number];
