import { z } from "zod";
import { first, type Mutant, permissionOf, tableOf, without } from "./mutant.ts";

const TENANT = { tenant_id: { _eq: "X-Hasura-Tenant-Id" } };

/** Changes of table permissions. */
export const permissionMutants: readonly Mutant[] = [
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
];
