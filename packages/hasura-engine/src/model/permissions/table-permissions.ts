import type {
  DeletePermissionMetadata,
  InsertPermissionMetadata,
  SelectPermissionMetadata,
  UpdatePermissionMetadata,
} from "../../metadata/table-metadata.ts";
import { tableText } from "../../metadata/table-name.ts";
import { type Inconsistencies, InconsistencyError, within } from "../inconsistency.ts";
import type {
  Column,
  DeletePermission,
  InsertPermission,
  Preset,
  SelectPermission,
  Table,
  TablePermissions,
  UpdatePermission,
} from "../model.ts";
import type { TableDraft, TableDrafts } from "../table-drafts.ts";
import { compileExpression } from "./compile-expression.ts";
import type { Expression } from "./expression.ts";
import { sessionVariable } from "./literal.ts";
import { scopeOf } from "./scope.ts";

type Context = {
  readonly table: Table;
  readonly compile: (json: unknown) => Expression;
  readonly role: string;
  readonly source: string;
};
type Entry = { readonly role: string; readonly permission: unknown; readonly comment: string | undefined };

/** Permissions of all tables; needs their relationships. An inconsistent one is missing for its role. */
export function resolvePermissions(drafts: TableDrafts, source: string, inconsistencies: Inconsistencies): void {
  const tables = new Map([...drafts].map(([key, { table }]) => [key, table]));
  for (const draft of drafts.values()) {
    const each = <E extends Entry, T>(
      kind: string,
      entries: readonly E[],
      compile: (entry: E, context: Context) => T,
    ) => compileEach(draft, tables, source, inconsistencies, kind, entries, compile);
    const { metadata } = draft;
    const select = each("select", metadata.select_permissions, selectPermission);
    const insert = each("insert", metadata.insert_permissions, insertPermission);
    const update = each("update", metadata.update_permissions, updatePermission);
    const remove = each("delete", metadata.delete_permissions, deletePermission);
    for (const role of new Set([...select.keys(), ...insert.keys(), ...update.keys(), ...remove.keys()])) {
      const permissions: TablePermissions = {
        select: select.get(role),
        insert: insert.get(role),
        update: update.get(role),
        delete: remove.get(role),
      };
      draft.permissions.set(role, permissions);
    }
  }
}

function compileEach<E extends Entry, T>(
  draft: TableDraft,
  tables: ReadonlyMap<string, Table>,
  source: string,
  inconsistencies: Inconsistencies,
  kind: string,
  entries: readonly E[],
  compile: (entry: E, context: Context) => T,
): Map<string, T> {
  const compiled = new Map<string, T>();
  const { table } = draft;
  const text = tableText(table);
  for (const entry of entries) {
    const { role, permission, comment } = entry;
    const object = {
      type: `${kind}_permission`,
      name: `${role} in table ${text} in source ${source}`,
      definition: { source, table: draft.metadata.table, role, comment: comment ?? null, permission },
    };
    const scope = scopeOf(table, tables);
    const context: Context = { table, role, source, compile: (json) => compileExpression(json, scope) };
    const result = inconsistencies.attempt(object, () =>
      within(`in table "${text}"`, () => within(`in permission for role "${role}"`, () => compile(entry, context))),
    );
    if (result !== undefined) compiled.set(role, result);
  }
  return compiled;
}

function selectPermission({ permission }: SelectPermissionMetadata, context: Context): SelectPermission {
  const columns = columnSet(permission.columns, context.table);
  requireUsableRootFields(permission, columns, context);
  return {
    columns,
    filter: context.compile(permission.filter),
    limit: permission.limit,
    allowAggregations: permission.allow_aggregations,
    queryRootFields: permission.query_root_fields && new Set(permission.query_root_fields),
    subscriptionRootFields: permission.subscription_root_fields && new Set(permission.subscription_root_fields),
  };
}

function requireUsableRootFields(
  permission: SelectPermissionMetadata["permission"],
  columns: ReadonlySet<string>,
  { table, role, source }: Context,
): void {
  const fields: readonly string[] = [
    ...(permission.query_root_fields ?? []),
    ...(permission.subscription_root_fields ?? []),
  ];
  if (fields.includes("select_by_pk") && !(table.primaryKey ?? []).every(({ name }) => columns.has(name))) {
    throw new InconsistencyError(
      "validation-failed",
      `The "select_by_pk" field cannot be included in the query_root_fields or subscription_root_fields because the role "${role}" does not have access to the primary key of the table "${tableText(table)}" in the source ${source}`,
    );
  }
  if (fields.includes("select_aggregate") && !permission.allow_aggregations) {
    throw new InconsistencyError(
      "validation-failed",
      'The "select_aggregate" root field can only be enabled in the query_root_fields or the subscription_root_fields when "allow_aggregations" is set to true',
    );
  }
}

function insertPermission({ permission }: InsertPermissionMetadata, { table, compile }: Context): InsertPermission {
  if (!table.viewInsertable) throw new InconsistencyError("not-supported", `"${tableText(table)}" is not insertable`);
  const presets = resolvePresets(permission.set, table, (column) => column.insertable);
  const preset = new Set(presets.map(({ column }) => column.name));
  const columns = [...columnSet(permission.columns ?? "*", table)].filter((name) => !preset.has(name));
  return { columns: new Set(columns), check: compile(permission.check), presets, backendOnly: permission.backend_only };
}

function updatePermission({ permission }: UpdatePermissionMetadata, { table, compile }: Context): UpdatePermission {
  if (!table.viewUpdatable) throw new InconsistencyError("not-supported", `"${tableText(table)}" is not updatable`);
  const presets = resolvePresets(permission.set, table, (column) => column.updatable);
  const preset = new Set(presets.map(({ column }) => column.name));
  const columns = [...columnSet(permission.columns, table)].filter((name) => !preset.has(name));
  return {
    columns: new Set(columns),
    filter: compile(permission.filter),
    check: permission.check === undefined ? undefined : compile(permission.check),
    presets,
    backendOnly: permission.backend_only,
  };
}

function deletePermission({ permission }: DeletePermissionMetadata, { table, compile }: Context): DeletePermission {
  if (!table.viewDeletable) throw new InconsistencyError("not-supported", `"${tableText(table)}" is not deletable`);
  return { filter: compile(permission.filter), backendOnly: permission.backend_only };
}

function columnSet(columns: "*" | readonly string[], table: Table): Set<string> {
  if (columns === "*") return new Set(table.columns.keys());
  for (const name of columns) requireColumn(table, name);
  return new Set(columns);
}

function requireColumn(table: Table, name: string): Column {
  const column = table.columns.get(name);
  if (column === undefined) throw new InconsistencyError("not-exists", `"${name}" does not exist`);
  return column;
}

function resolvePresets(
  set: Readonly<Record<string, unknown>>,
  table: Table,
  writable: (column: Column) => boolean,
): Preset[] {
  return Object.entries(set).map(([name, value]) => {
    const column = requireColumn(table, name);
    if (!writable(column)) throw new InconsistencyError("not-supported", `column "${name}" cannot be written`);
    const variable = sessionVariable(value);
    return { column, value: variable === undefined ? { kind: "literal", value } : { kind: "session", variable } };
  });
}
