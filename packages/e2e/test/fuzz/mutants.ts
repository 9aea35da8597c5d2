import type { HasuraRole } from "@control-plane/service-kit";
import { z } from "zod";

const permissionSchema = z.looseObject({
  filter: z.unknown().optional(),
  set: z.record(z.string(), z.unknown()).optional(),
});
const entriesSchema = z.array(z.looseObject({ role: z.string(), permission: permissionSchema })).default([]);
const tableSchema = z.looseObject({
  table: z.object({ schema: z.string(), name: z.string() }),
  select_permissions: entriesSchema,
  insert_permissions: entriesSchema,
  update_permissions: entriesSchema,
  delete_permissions: entriesSchema,
});
const metadataSchema = z.looseObject({ sources: z.array(z.looseObject({ tables: z.array(tableSchema) })) });
type Metadata = z.infer<typeof metadataSchema>;
type Permission = z.infer<typeof permissionSchema>;

/** A permission of hasura/metadata gone wrong, and what the fuzzer says of it. */
export type Mutant = {
  readonly name: string;
  readonly role: HasuraRole;
  readonly change: (metadata: Metadata) => void;
  readonly found: RegExp;
};

const TENANT = "X-Hasura-Tenant-Id";
const SHOWS = /shows the other tenant|depends on rows of the other tenant/;

export const MUTANTS: readonly Mutant[] = [
  selecting("the tenant is gone from the filter of a list", "viewer", "workflows", withoutTerm("tenant_id"), SHOWS),
  selecting("the tenant is gone below a relationship", "builder", "step_runs", withoutTerm("tenant_id"), SHOWS),
  selecting("every tenant is shown", "tenant_admin", "tenants", withoutTerm("id"), SHOWS),
  selecting("every user is shown", "viewer", "users", withoutTerm("memberships"), SHOWS),
  selecting(
    "the tenant is compared with another operator",
    "builder",
    "connections",
    replaced('"_eq":"X-Hasura-Tenant-Id"', '"_gte":"X-Hasura-Tenant-Id"'),
    SHOWS,
  ),
  selecting(
    "the tenant is compared with another session variable",
    "viewer",
    "triggers",
    replaced(TENANT, "X-Hasura-User-Id"),
    /sees no row of his own/,
  ),
  selecting("the membership is gone", "viewer", "workflow_runs", withoutTerm("_exists"), /a former member is answered/),
  selecting(
    "anybody's membership will do",
    "builder",
    "workflow_versions",
    replaced('"user_id":{"_eq":"X-Hasura-User-Id"}', '"user_id":{"_is_null":false}'),
    /a former member is answered/,
  ),
  {
    name: "the tenant is gone from the filter of updates",
    role: "builder",
    change: (metadata) =>
      void changeFilter(permissionOf(metadata, "workflows", "update_permissions", "builder"), withoutTerm("tenant_id")),
    found: /depends on rows of the other tenant|rows of others changed/,
  },
  {
    name: "the tenant is gone from the filter of deletions",
    role: "owner",
    change: (metadata) =>
      void changeFilter(permissionOf(metadata, "triggers", "delete_permissions", "owner"), withoutTerm("tenant_id")),
    found: /depends on rows of the other tenant|rows of others changed/,
  },
  {
    name: "a preset is gone",
    role: "builder",
    change(metadata) {
      delete permissionOf(metadata, "workflows", "insert_permissions", "builder").set?.created_by;
    },
    found: /was not created by who made it/,
  },
];

/** The metadata with the mutant's change. */
export function mutate(object: unknown, { change }: Mutant): unknown {
  const metadata = metadataSchema.parse(object);
  change(metadata);
  return metadata;
}

function selecting(
  name: string,
  role: HasuraRole,
  table: string,
  change: (filter: unknown) => unknown,
  found: RegExp,
): Mutant {
  return {
    name,
    role,
    change: (metadata) => void changeFilter(permissionOf(metadata, table, "select_permissions", role), change),
    found,
  };
}

function permissionOf(
  { sources }: Metadata,
  table: string,
  list: "select_permissions" | "insert_permissions" | "update_permissions" | "delete_permissions",
  role: HasuraRole,
): Permission {
  const found = sources
    .flatMap(({ tables }) => tables)
    .find((candidate) => candidate.table.name === table)
    ?.[list].find((entry) => entry.role === role);
  if (found === undefined) throw new Error(`${role} has no ${list} on ${table}`);
  return found.permission;
}

function changeFilter(permission: Permission, change: (filter: unknown) => unknown): void {
  const before = JSON.stringify(permission.filter);
  permission.filter = change(permission.filter);
  if (JSON.stringify(permission.filter) === before) throw new Error("the mutant changes nothing");
}

function withoutTerm(key: string): (filter: unknown) => unknown {
  return (filter) => ({
    _and: z
      .object({ _and: z.array(z.record(z.string(), z.unknown())) })
      .parse(filter)
      ._and.filter((term) => !Object.hasOwn(term, key)),
  });
}

/** In the tenant's term or the membership's, wherever the text stands first. */
function replaced(text: string, by: string): (filter: unknown) => unknown {
  return (filter) => JSON.parse(JSON.stringify(filter).replace(text, by));
}
