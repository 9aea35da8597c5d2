import { z } from "zod";

const permissionEntrySchema = z.looseObject({ role: z.string(), permission: z.record(z.string(), z.unknown()) });
const headerSchema = z.looseObject({ name: z.string() });

const eventTriggerSchema = z.looseObject({
  name: z.string(),
  definition: z.record(z.string(), z.unknown()),
  webhook: z.string().optional(),
  headers: z.array(headerSchema).default([]),
});

const tableSchema = z.looseObject({
  table: z.object({ name: z.string(), schema: z.string() }),
  insert_permissions: z.array(permissionEntrySchema).default([]),
  select_permissions: z.array(permissionEntrySchema).default([]),
  update_permissions: z.array(permissionEntrySchema).default([]),
  delete_permissions: z.array(permissionEntrySchema).default([]),
  event_triggers: z.array(eventTriggerSchema).default([]),
});

const actionSchema = z.looseObject({
  name: z.string(),
  definition: z.looseObject({
    type: z.enum(["query", "mutation"]).default("mutation"),
    kind: z.string().optional(),
    handler: z.string(),
    headers: z.array(headerSchema).default([]),
    forward_client_headers: z.boolean().default(false),
  }),
  permissions: z.array(z.looseObject({ role: z.string() })).default([]),
});

const cronSchema = z.looseObject({
  name: z.string(),
  webhook: z.string(),
  schedule: z.string(),
  headers: z.array(headerSchema).default([]),
});

const remoteSchemaSchema = z.looseObject({
  name: z.string(),
  definition: z.looseObject({
    url: z.string().optional(),
    headers: z.array(headerSchema).default([]),
    forward_client_headers: z.boolean().default(false),
  }),
  permissions: z
    .array(z.looseObject({ role: z.string(), definition: z.looseObject({ schema: z.string() }) }))
    .default([]),
});

/**
 * The parts of a merged metadata object (version 3) that the rules look at. Everything else passes through: the strict shape, with
 * unknown keys refused, is checked by the engine's own types and the official schema.
 */
export const metadataShapeSchema = z.looseObject({
  sources: z.array(z.looseObject({ name: z.string(), tables: z.array(tableSchema) })).length(1),
  actions: z.array(actionSchema).default([]),
  remote_schemas: z.array(remoteSchemaSchema).default([]),
  cron_triggers: z.array(cronSchema).default([]),
  graphql_schema_introspection: z.looseObject({ disabled_for_roles: z.array(z.string()).default([]) }).optional(),
});

export type MetadataShape = z.infer<typeof metadataShapeSchema>;
export type TableShape = z.infer<typeof tableSchema>;
export type HeaderShape = z.infer<typeof headerSchema>;
export type PermissionEntry = z.infer<typeof permissionEntrySchema>;

export const OPERATIONS = ["insert", "select", "update", "delete"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The key of a table's metadata under which an operation's permissions stand. */
export const PERMISSIONS_KEY = {
  insert: "insert_permissions",
  select: "select_permissions",
  update: "update_permissions",
  delete: "delete_permissions",
} as const satisfies Record<Operation, keyof TableShape>;

/** One permission entry with the place it was found at. */
export type PlacedPermission = {
  table: string;
  operation: Operation;
  role: string;
  permission: PermissionEntry["permission"];
  place: readonly (string | number)[];
};

export function placedTables(metadata: MetadataShape): { table: TableShape; place: readonly (string | number)[] }[] {
  return metadata.sources.flatMap((source, sourceIndex) =>
    source.tables.map((table, tableIndex) => ({ table, place: ["sources", sourceIndex, "tables", tableIndex] })),
  );
}

export function placedPermissions(metadata: MetadataShape): PlacedPermission[] {
  return placedTables(metadata).flatMap(({ table, place }) =>
    OPERATIONS.flatMap((operation) =>
      table[PERMISSIONS_KEY[operation]].map((entry, index) => ({
        table: table.table.name,
        operation,
        role: entry.role,
        permission: entry.permission,
        place: [...place, PERMISSIONS_KEY[operation], index, "permission"],
      })),
    ),
  );
}
