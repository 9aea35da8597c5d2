import { z } from "zod";
import type { MetadataRule } from "../src/metadata-rules/finding.ts";
import type { MetadataShape } from "../src/metadata-rules/metadata-shape.ts";

type Table = MetadataShape["sources"][number]["tables"][number];
type Permission = Table["select_permissions"][number]["permission"];

/** A change of the shipped metadata, the rule that must notice it, and the place it must name. */
type Mutant = { name: string; change: (metadata: MetadataShape) => void; rule: MetadataRule; pointer: RegExp };

const TENANT = { tenant_id: { _eq: "X-Hasura-Tenant-Id" } };

export function tableOf(metadata: MetadataShape, name: string): Table {
  const table = metadata.sources[0]?.tables.find((candidate) => candidate.table.name === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

function permissionOf(
  metadata: MetadataShape,
  table: string,
  operation: "insert" | "select" | "update" | "delete",
  role = "builder",
): Permission {
  const entry = tableOf(metadata, table)[`${operation}_permissions`].find((candidate) => candidate.role === role);
  if (entry === undefined) throw new Error(`no ${operation} on ${table} by ${role}`);
  return entry.permission;
}

export const conjunctionSchema = z.object({ _and: z.array(z.record(z.string(), z.unknown())) });

/** The condition without the terms whose only key is the given one. */
export function without(condition: unknown, key: string): unknown {
  return { _and: conjunctionSchema.parse(condition)._and.filter((term) => !Object.hasOwn(term, key)) };
}

export function first<T>(items: readonly T[]): T {
  const item = items[0];
  if (item === undefined) throw new Error("the list is empty");
  return item;
}

export const mutants: readonly Mutant[] = [
  {
    name: "the tenant term is gone from a select filter",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflow_runs", "select");
      permission.filter = without(permission.filter, "tenant_id");
    },
    rule: "tenant-term",
    pointer: /select_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "the tenant term is gone from an insert check",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflows", "insert");
      permission.check = without(permission.check, "tenant_id");
    },
    rule: "tenant-term",
    pointer: /insert_permissions\/\d+\/permission\/check$/,
  },
  {
    name: "the tenant term is gone from an update filter",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflows", "update");
      permission.filter = without(permission.filter, "tenant_id");
    },
    rule: "tenant-term",
    pointer: /update_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "the tenant term is gone from an update check",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflows", "update");
      permission.check = without(permission.check, "tenant_id");
    },
    rule: "tenant-term",
    pointer: /update_permissions\/\d+\/permission\/check$/,
  },
  {
    name: "the tenant term is gone from a delete filter",
    change: (metadata) => {
      const permission = permissionOf(metadata, "triggers", "delete");
      permission.filter = without(permission.filter, "tenant_id");
    },
    rule: "tenant-term",
    pointer: /delete_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "an update has no check",
    change: (metadata) => {
      delete permissionOf(metadata, "workflows", "update").check;
    },
    rule: "missing-check",
    pointer: /update_permissions\/\d+\/permission\/check$/,
  },
  {
    name: "the tenant term is one branch of an or",
    change: (metadata) => {
      const permission = permissionOf(metadata, "connections", "select");
      permission.filter = {
        _and: [without(permission.filter, "tenant_id"), { _or: [TENANT, { name: { _eq: "x" } }] }],
      };
    },
    rule: "tenant-term",
    pointer: /select_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "global rows are let through outside the catalogue",
    change: (metadata) => {
      permissionOf(metadata, "dead_letters", "select", "owner").filter = {
        _and: [
          without(permissionOf(metadata, "dead_letters", "select", "owner").filter, "tenant_id"),
          { _or: [TENANT, { tenant_id: { _is_null: true } }] },
        ],
      };
    },
    rule: "tenant-term",
    pointer: /select_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "the live membership is gone from a select filter",
    change: (metadata) => {
      const permission = permissionOf(metadata, "step_runs", "select", "viewer");
      permission.filter = without(permission.filter, "_exists");
    },
    rule: "live-term",
    pointer: /select_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "the live membership asks for another role",
    change: (metadata) => {
      const builder = permissionOf(metadata, "connections", "select");
      permissionOf(metadata, "connections", "select", "viewer").filter = builder.filter;
    },
    rule: "live-term",
    pointer: /select_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "a filter is empty",
    change: (metadata) => {
      permissionOf(metadata, "workflows", "select").filter = {};
    },
    rule: "empty-filter",
    pointer: /select_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "a condition beside tenant and membership is gone",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflow_versions", "update");
      permission.filter = without(permission.filter, "published_at");
    },
    rule: "permission-differs",
    pointer: /update_permissions\/\d+\/permission\/filter$/,
  },
  {
    name: "a ciphertext is listed",
    change: (metadata) => {
      const permission = permissionOf(metadata, "connections", "select");
      permission.columns = [...z.array(z.string()).parse(permission.columns), "secret_cipher"];
    },
    rule: "secret-column",
    pointer: /select_permissions\/\d+\/permission\/columns\/\d+$/,
  },
  {
    name: "a lease column is listed",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflow_runs", "select", "owner");
      permission.columns = [...z.array(z.string()).parse(permission.columns), "lease_token_hash"];
    },
    rule: "secret-column",
    pointer: /select_permissions\/\d+\/permission\/columns\/\d+$/,
  },
  {
    name: "a harmless column more is listed",
    change: (metadata) => {
      const permission = permissionOf(metadata, "users", "select", "viewer");
      permission.columns = [...z.array(z.string()).parse(permission.columns), "email"];
    },
    rule: "permission-differs",
    pointer: /select_permissions\/\d+\/permission\/columns$/,
  },
  {
    name: "tenant_id can be set",
    change: (metadata) => {
      const permission = permissionOf(metadata, "workflows", "insert");
      permission.columns = [...z.array(z.string()).parse(permission.columns), "tenant_id"];
    },
    rule: "settable-key",
    pointer: /insert_permissions\/\d+\/permission\/columns\/\d+$/,
  },
  {
    name: "the preset of the tenant is dropped",
    change: (metadata) => {
      permissionOf(metadata, "actions", "insert").set = {};
    },
    rule: "missing-preset",
    pointer: /insert_permissions\/\d+\/permission\/set\/tenant_id$/,
  },
  {
    name: "the preset of the author is dropped",
    change: (metadata) => {
      permissionOf(metadata, "apps", "insert").set = { tenant_id: "x-hasura-tenant-id" };
    },
    rule: "missing-preset",
    pointer: /insert_permissions\/\d+\/permission\/set\/created_by$/,
  },
  {
    name: "an insert has no column list",
    change: (metadata) => {
      delete permissionOf(metadata, "workflow_versions", "insert").columns;
    },
    rule: "columns-not-listed",
    pointer: /insert_permissions\/\d+\/permission\/columns$/,
  },
  {
    name: "a select shows all columns",
    change: (metadata) => {
      permissionOf(metadata, "tenants", "select").columns = "*";
    },
    rule: "columns-not-listed",
    pointer: /select_permissions\/\d+\/permission\/columns$/,
  },
  {
    name: "aggregates are switched on",
    change: (metadata) => {
      permissionOf(metadata, "workflow_runs", "select", "viewer").allow_aggregations = true;
    },
    rule: "aggregates",
    pointer: /select_permissions\/\d+\/permission\/allow_aggregations$/,
  },
  {
    name: "the row limit is dropped",
    change: (metadata) => {
      delete permissionOf(metadata, "audit_events", "select").limit;
    },
    rule: "missing-limit",
    pointer: /select_permissions\/\d+\/permission\/limit$/,
  },
  {
    name: "root fields are restricted otherwise than stated",
    change: (metadata) => {
      permissionOf(metadata, "workflows", "select").subscription_root_fields = [];
    },
    rule: "permission-differs",
    pointer: /permission\/subscription_root_fields$/,
  },
  {
    name: "anonymous is given a table",
    change: (metadata) => {
      const permissions = tableOf(metadata, "apps").select_permissions;
      permissions.push({ role: "anonymous", permission: first(permissions).permission });
    },
    rule: "anonymous",
    pointer: /select_permissions\/\d+\/role$/,
  },
  {
    name: "anonymous is given the remote schema",
    change: (metadata) => {
      const permissions = first(metadata.remote_schemas).permissions;
      permissions.push({ ...first(permissions), role: "anonymous" });
    },
    rule: "anonymous",
    pointer: /^\/remote_schemas\/0\/permissions\/\d+\/role$/,
  },
  {
    name: "anonymous may read the schema",
    change: (metadata) => {
      metadata.graphql_schema_introspection = { disabled_for_roles: [] };
    },
    rule: "anonymous",
    pointer: /^\/graphql_schema_introspection/,
  },
  {
    name: "an action is given to viewer",
    change: (metadata) => {
      metadata.actions.find((action) => action.name === "runWorkflow")?.permissions.push({ role: "viewer" });
    },
    rule: "action-differs",
    pointer: /^\/actions\/\d+\/permissions$/,
  },
  {
    name: "a permission names Hasura's superuser",
    change: (metadata) => {
      const permissions = tableOf(metadata, "workflows").delete_permissions;
      permissions.push({ role: "admin", permission: first(permissions).permission });
    },
    rule: "unknown-role",
    pointer: /delete_permissions\/\d+\/role$/,
  },
  {
    name: "a permission is dropped",
    change: (metadata) => {
      tableOf(metadata, "workflows").delete_permissions.pop();
    },
    rule: "permission-differs",
    pointer: /^\/sources/,
  },
  {
    name: "a write is granted that should not exist",
    change: (metadata) => {
      const table = tableOf(metadata, "workflow_runs");
      table.delete_permissions.push({
        role: "builder",
        permission: { filter: permissionOf(metadata, "workflow_runs", "select").filter },
      });
    },
    rule: "permission-differs",
    pointer: /delete_permissions\/\d+\/permission$/,
  },
  {
    name: "the remote schema's tenant preset is dropped",
    change: (metadata) => {
      const { definition } = first(first(metadata.remote_schemas).permissions);
      definition.schema = definition.schema.replace(' @preset(value: "x-hasura-tenant-id")', "");
    },
    rule: "tenant-preset",
    pointer: /^\/remote_schemas\/0\/permissions\/0\/definition\/schema$/,
  },
  {
    name: "the remote schema's tenant preset is a literal",
    change: (metadata) => {
      const { definition } = first(first(metadata.remote_schemas).permissions);
      definition.schema = definition.schema.replaceAll('-tenant-id")', '-tenant-id", static: true)');
    },
    rule: "tenant-preset",
    pointer: /^\/remote_schemas\/0\/permissions\/0\/definition\/schema$/,
  },
  {
    name: "an event payload has no column list",
    change: (metadata) => {
      first(tableOf(metadata, "tenants").event_triggers).definition.update = { columns: ["max_concurrent_runs"] };
    },
    rule: "event-payload",
    pointer: /event_triggers\/0\/definition\/update\/payload$/,
  },
  {
    name: "an event delivers a secret column",
    change: (metadata) => {
      first(tableOf(metadata, "tenants").event_triggers).definition.insert = { columns: "*", payload: ["token_hash"] };
    },
    rule: "secret-column",
    pointer: /event_triggers\/0\/definition\/insert\/payload\/0$/,
  },
  {
    name: "an action forwards client headers",
    change: (metadata) => {
      first(metadata.actions).definition.forward_client_headers = true;
    },
    rule: "client-headers",
    pointer: /^\/actions\/0\/definition\/forward_client_headers$/,
  },
  {
    name: "an action has no secret header",
    change: (metadata) => {
      first(metadata.actions).definition.headers = [];
    },
    rule: "secret-header",
    pointer: /^\/actions\/0\/definition\/headers$/,
  },
  {
    name: "a cron's secret is a literal",
    change: (metadata) => {
      first(metadata.cron_triggers).headers = [{ name: "x-event-secret", value: "s3cret" }];
    },
    rule: "secret-header",
    pointer: /^\/cron_triggers\/0\/headers$/,
  },
  {
    name: "an action's handler lies elsewhere",
    change: (metadata) => {
      first(metadata.actions).definition.handler = "https://example.com/actions/cancelRun";
    },
    rule: "endpoint-url",
    pointer: /^\/actions\/0\/definition\/handler$/,
  },
  {
    name: "an action exists that the twin does not list",
    change: (metadata) => {
      metadata.actions.push({ ...first(metadata.actions), name: "dropTenant" });
    },
    rule: "not-in-twin",
    pointer: /^\/actions\/\d+$/,
  },
  {
    name: "a cron is gone",
    change: (metadata) => {
      metadata.cron_triggers.pop();
    },
    rule: "not-in-metadata",
    pointer: /^\/cron_triggers$/,
  },
];
