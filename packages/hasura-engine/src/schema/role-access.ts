import type { Column, Model, Preset, Relationship, RootFieldKind, SelectPermission, Table } from "../model/model.ts";
import { type Expression, TRUE } from "../model/permissions/expression.ts";

/** What one role may do with one table, presets, filters and checks included. `admin` may do everything. */
export type TableAccess = {
  readonly table: Table;
  readonly select: SelectAccess | undefined;
  readonly insert: InsertAccess | undefined;
  readonly update: UpdateAccess | undefined;
  readonly delete: { readonly filter: Expression } | undefined;
};
export type SelectAccess = {
  readonly columns: readonly Column[];
  readonly filter: Expression;
  readonly limit: number | undefined;
  readonly aggregations: boolean;
  readonly queryRootFields: SelectPermission["queryRootFields"];
  readonly subscriptionRootFields: SelectPermission["subscriptionRootFields"];
};
export type InsertAccess = {
  readonly columns: readonly Column[];
  readonly check: Expression;
  readonly presets: readonly Preset[];
};
export type UpdateAccess = InsertAccess & { readonly filter: Expression };

export type RoleAccess = {
  readonly role: string;
  readonly model: Model;
  of(table: Table): TableAccess;
  /** The relationship's target, where the role may select it. */
  selectable(relationship: Relationship): { readonly table: Table; readonly select: SelectAccess } | undefined;
};

/** `backendOnly`: mutations marked so exist for this session. */
export function createRoleAccess(model: Model, role: string, backendOnly: boolean): RoleAccess {
  const known = new Map<string, TableAccess>();
  const of = (table: Table): TableAccess => {
    const found = known.get(table.key);
    if (found !== undefined) return found;
    const made = role === "admin" ? adminAccess(table) : roleAccess(table, role, backendOnly);
    known.set(table.key, made);
    return made;
  };
  return {
    role,
    model,
    of,
    selectable(relationship) {
      const table = model.tables.get(relationship.target);
      const select = table === undefined ? undefined : of(table).select;
      return table === undefined || select === undefined ? undefined : { table, select };
    },
  };
}

function adminAccess(table: Table): TableAccess {
  const columns = [...table.columns.values()];
  const insertable = columns.filter((column) => column.insertable);
  const updatable = columns.filter((column) => column.updatable);
  return {
    table,
    select: {
      columns,
      filter: TRUE,
      limit: undefined,
      aggregations: true,
      queryRootFields: undefined,
      subscriptionRootFields: undefined,
    },
    insert: table.viewInsertable ? { columns: insertable, check: TRUE, presets: [] } : undefined,
    update: table.viewUpdatable ? { columns: updatable, filter: TRUE, check: TRUE, presets: [] } : undefined,
    delete: table.viewDeletable ? { filter: TRUE } : undefined,
  };
}

function roleAccess(table: Table, role: string, backendOnly: boolean): TableAccess {
  const permissions = table.permissions.get(role);
  const named = (names: ReadonlySet<string>): Column[] =>
    [...table.columns.values()].filter(({ name }) => names.has(name));
  const { select, insert, update, delete: remove } = permissions ?? {};
  const reachable = (permission: { readonly backendOnly: boolean }): boolean => backendOnly || !permission.backendOnly;
  return {
    table,
    select:
      select === undefined
        ? undefined
        : { ...select, columns: named(select.columns), aggregations: select.allowAggregations },
    insert:
      insert === undefined || !table.viewInsertable || !reachable(insert)
        ? undefined
        : {
            columns: named(insert.columns).filter((column) => column.insertable),
            check: insert.check,
            presets: insert.presets,
          },
    update:
      update === undefined || !table.viewUpdatable || !reachable(update)
        ? undefined
        : {
            columns: named(update.columns).filter((column) => column.updatable),
            filter: update.filter,
            check: update.check ?? TRUE,
            presets: update.presets,
          },
    delete: remove === undefined || !table.viewDeletable || !reachable(remove) ? undefined : { filter: remove.filter },
  };
}

/** Whether the key of the table can be read, as by_pk fields need. */
export function readableKey(access: TableAccess): readonly Column[] | undefined {
  const { primaryKey } = access.table;
  const { select } = access;
  if (primaryKey === undefined || select === undefined) return undefined;
  return primaryKey.every((column) => select.columns.includes(column)) ? primaryKey : undefined;
}

export function queryFieldOffered(
  select: SelectAccess,
  kind: Extract<RootFieldKind, "select" | "select_by_pk" | "select_aggregate">,
): boolean {
  return select.queryRootFields === undefined || select.queryRootFields.has(kind);
}

export function subscriptionFieldOffered(
  select: SelectAccess,
  kind: "select" | "select_by_pk" | "select_aggregate" | "select_stream",
): boolean {
  return select.subscriptionRootFields === undefined || select.subscriptionRootFields.has(kind);
}
