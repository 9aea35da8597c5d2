import { join } from "node:path";
import { readMetadataDirectory } from "@control-plane/hasura-engine";
import { ANONYMOUS_ROLE, HASURA_ROLES } from "@control-plane/service-kit";
import { z } from "zod";

export const ROLES = [...HASURA_ROLES, ANONYMOUS_ROLE] as const;
export type Role = (typeof ROLES)[number];

// Strict: a key that these tests do not know, such as one that removes root fields, must not pass them unseen.
const granted = <T extends z.ZodRawShape>(shape: T) =>
  z.array(z.strictObject({ role: z.enum(ROLES), permission: z.strictObject(shape) })).default([]);
const columns = z.array(z.string());

const tableSchema = z.object({
  table: z.object({ schema: z.literal("public"), name: z.string() }),
  select_permissions: granted({
    columns,
    filter: z.unknown(),
    limit: z.number().optional(),
    allow_aggregations: z.boolean().default(false),
  }),
  insert_permissions: granted({ columns, check: z.unknown(), set: z.record(z.string(), z.unknown()).default({}) }),
  update_permissions: granted({ columns, filter: z.unknown(), check: z.unknown() }),
  delete_permissions: granted({ filter: z.unknown() }),
});
const actionSchema = z.object({
  name: z.string(),
  definition: z.object({
    type: z.enum(["query", "mutation"]).default("mutation"),
    arguments: z.array(z.object({ name: z.string(), type: z.string() })).default([]),
  }),
  permissions: z.array(z.object({ role: z.enum(ROLES) })).default([]),
});
const metadataSchema = z.object({
  sources: z.array(z.object({ tables: z.array(tableSchema) })).length(1),
  actions: z.array(actionSchema),
});

type SelectGrant = { columns: readonly string[]; aggregates: boolean };
export type TrackedTable = {
  readonly name: string;
  readonly select: ReadonlyMap<Role, SelectGrant>;
  /** Columns that may be given. */
  readonly insert: ReadonlyMap<Role, readonly string[]>;
  readonly update: ReadonlyMap<Role, readonly string[]>;
  readonly delete: ReadonlySet<Role>;
};
export type TrackedAction = {
  readonly name: string;
  readonly type: "query" | "mutation";
  readonly arguments: readonly { name: string; type: string }[];
  readonly roles: ReadonlySet<Role>;
};

/** What hasura/metadata tracks and to whom it grants it. */
export async function readTracked(): Promise<{ tables: TrackedTable[]; actions: TrackedAction[] }> {
  const read = await readMetadataDirectory(join(import.meta.dirname, "../../../../hasura/metadata"));
  if ("problems" in read) throw new Error(`hasura/metadata cannot be read: ${JSON.stringify(read.problems)}`);
  const { sources, actions } = metadataSchema.parse(read.raw.object);
  return {
    tables: sources.flatMap(({ tables }) => tables).map(trackedTable),
    actions: actions.map(({ name, definition, permissions }) => ({
      name,
      ...definition,
      roles: new Set(permissions.map(({ role }) => role)),
    })),
  };
}

function trackedTable(table: z.infer<typeof tableSchema>): TrackedTable {
  const columnsOf = (grants: readonly { role: Role; permission: { columns: string[] } }[]) =>
    new Map(grants.map(({ role, permission }) => [role, permission.columns]));
  return {
    name: table.table.name,
    select: new Map(
      table.select_permissions.map(({ role, permission }) => [
        role,
        { columns: permission.columns, aggregates: permission.allow_aggregations },
      ]),
    ),
    insert: columnsOf(table.insert_permissions),
    update: columnsOf(table.update_permissions),
    delete: new Set(table.delete_permissions.map(({ role }) => role)),
  };
}
