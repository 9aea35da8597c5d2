import { z } from "zod";
import { unsupported } from "./problem.ts";
import { comment, flag, headers, isEmpty, listOf, nonNegative, optional, refused, tableName } from "./scalars.ts";

const columns = z.union([z.literal("*"), z.array(z.string())]);

const unsupportedOperators: ReadonlyMap<string, string> = new Map([
  ["ancestor", "ltree"],
  ["ancestor_any", "ltree"],
  ["descendant", "ltree"],
  ["descendant_any", "ltree"],
  ["matches", "ltree"],
  ["matches_any", "ltree"],
  ["matches_fulltext", "ltree"],
]);

/** A row condition of the permission language; its names are looked up when the model is built. */
export const booleanExpression = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  for (const { path, operator } of operatorsIn(value, [])) {
    const extension = operator.startsWith("st_") ? "PostGIS" : unsupportedOperators.get(operator);
    if (extension !== undefined) {
      context.addIssue({ code: "custom", path, message: unsupported(`the ${extension} operator _${operator}`) });
    }
  }
});
export type BooleanExpression = z.infer<typeof booleanExpression>;

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

const presets = z
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
      comment,
      permission: z.strictObject(shape),
    }),
  );

const rootFields = <const T extends readonly string[]>(names: T) => optional(z.array(z.enum(names)));

const selectPermissions = permission({
  columns,
  filter: booleanExpression,
  limit: optional(nonNegative),
  allow_aggregations: flag,
  query_root_fields: rootFields(["select", "select_by_pk", "select_aggregate"]),
  subscription_root_fields: rootFields(["select", "select_by_pk", "select_aggregate", "select_stream"]),
  computed_fields: refused("computed_fields in a permission"),
});
const insertPermissions = permission({
  check: booleanExpression,
  set: presets,
  columns: optional(columns),
  backend_only: flag,
  validate_input: refused("validate_input"),
});
const updatePermissions = permission({
  columns,
  filter: booleanExpression,
  check: optional(booleanExpression),
  set: presets,
  backend_only: flag,
  validate_input: refused("validate_input"),
});
const deletePermissions = permission({
  filter: booleanExpression,
  backend_only: flag,
  validate_input: refused("validate_input"),
});

const manualConfiguration = z.strictObject({
  manual_configuration: z.strictObject({
    remote_table: tableName,
    column_mapping: z.record(z.string(), z.string()),
    insertion_order: optional(z.enum(["before_parent", "after_parent"])),
  }),
});
const remoteKeyColumns = z.union([
  z
    .strictObject({ table: tableName, column: z.string() })
    .transform(({ table, column }) => ({ table, columns: [column] })),
  z.strictObject({ table: tableName, columns: z.array(z.string()).min(1) }),
  // The legacy API took one column under the plural key.
  z
    .strictObject({ table: tableName, columns: z.string() })
    .transform(({ table, columns: column }) => ({ table, columns: [column] })),
]);
const ownKeyColumns = z.union([z.string().transform((column) => [column]), z.array(z.string()).min(1)]);

const relationship = <T extends z.ZodType>(using: T) =>
  listOf(z.strictObject({ name: z.string().min(1), using: z.union([using, manualConfiguration]), comment }));

const objectRelationships = relationship(
  z.strictObject({ foreign_key_constraint_on: z.union([ownKeyColumns, remoteKeyColumns]) }),
);
const arrayRelationships = relationship(z.strictObject({ foreign_key_constraint_on: remoteKeyColumns }));

export type RemoteFieldPath = {
  readonly [field: string]: {
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly field?: RemoteFieldPath | undefined;
  };
};
const remoteField: z.ZodType<RemoteFieldPath> = z.lazy(() =>
  z
    .record(z.string(), z.strictObject({ arguments: z.record(z.string(), z.unknown()), field: optional(remoteField) }))
    .refine((fields) => Object.keys(fields).length === 1, "exactly one field must be named"),
);

const toRemoteSchema = z.strictObject({
  remote_schema: z.string(),
  lhs_fields: z.array(z.string()),
  remote_field: remoteField,
});
const legacyToRemoteSchema = z
  .strictObject({ remote_schema: z.string(), hasura_fields: z.array(z.string()), remote_field: remoteField })
  .transform(({ hasura_fields, ...rest }) => ({ to_remote_schema: { ...rest, lhs_fields: hasura_fields } }));
const remoteRelationships = listOf(
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
      .pipe(z.union([z.strictObject({ to_remote_schema: toRemoteSchema }), legacyToRemoteSchema])),
  }),
);

const columnChoice = optional(columns);
const operation = optional(z.strictObject({ columns, payload: columnChoice }));

const eventTriggers = listOf(
  z.strictObject({
    name: z.string().min(1),
    definition: z.strictObject({ enable_manual: flag, insert: operation, update: operation, delete: operation }),
    retry_conf: z.strictObject({
      num_retries: nonNegative,
      interval_sec: nonNegative,
      timeout_sec: optional(z.number().int().positive()),
    }),
    webhook: optional(z.string()),
    webhook_from_env: optional(z.string()),
    headers,
    request_transform: refused("request_transform"),
    response_transform: refused("response_transform"),
    cleanup_config: refused("cleanup_config"),
    trigger_on_replication: refused("trigger_on_replication", (value) => isEmpty(value) || value === false),
  }),
);
export type EventTriggerMetadata = z.infer<typeof eventTriggers>[number];

const rootField = optional(
  z.union([
    z.string().transform((name) => ({ name, comment: undefined })),
    z.strictObject({ name: optional(z.string()), comment }),
  ]),
);
export const rootFieldKinds = [
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

const configuration = z
  .strictObject({
    custom_name: optional(z.string()),
    custom_root_fields: optional(
      z.strictObject({
        select: rootField,
        select_by_pk: rootField,
        select_aggregate: rootField,
        select_stream: rootField,
        insert: rootField,
        insert_one: rootField,
        update: rootField,
        update_by_pk: rootField,
        update_many: rootField,
        delete: rootField,
        delete_by_pk: rootField,
      }),
    ),
    custom_column_names: optional(z.record(z.string(), z.string())),
    column_config: optional(z.record(z.string(), z.strictObject({ custom_name: optional(z.string()), comment }))),
    comment,
  })
  .nullish()
  .transform((value) => value ?? undefined);

export const tableMetadata = z.strictObject({
  table: tableName,
  is_enum: flag,
  configuration,
  object_relationships: objectRelationships,
  array_relationships: arrayRelationships,
  remote_relationships: remoteRelationships,
  select_permissions: selectPermissions,
  insert_permissions: insertPermissions,
  update_permissions: updatePermissions,
  delete_permissions: deletePermissions,
  event_triggers: eventTriggers,
  computed_fields: refused("computed_fields"),
  apollo_federation_config: refused("apollo_federation_config"),
  logical_model: refused("logical_model"),
});
export type TableMetadata = z.infer<typeof tableMetadata>;
export type ObjectRelationshipMetadata = TableMetadata["object_relationships"][number];
export type ArrayRelationshipMetadata = TableMetadata["array_relationships"][number];
export type RemoteRelationshipMetadata = TableMetadata["remote_relationships"][number];
export type SelectPermissionMetadata = TableMetadata["select_permissions"][number];
export type InsertPermissionMetadata = TableMetadata["insert_permissions"][number];
export type UpdatePermissionMetadata = TableMetadata["update_permissions"][number];
export type DeletePermissionMetadata = TableMetadata["delete_permissions"][number];
