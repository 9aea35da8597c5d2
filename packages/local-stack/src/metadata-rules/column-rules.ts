import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { Finding } from "./finding.ts";
import { type MetadataShape, type PlacedPermission, placedPermissions, placedTables } from "./metadata-shape.ts";
import { type PermissionsTwin, roleOfLetter } from "./permissions-twin.ts";

/** Columns that say whose a row is: filled by presets, never by a client. */
const KEY_PRESETS = { tenant_id: "x-hasura-tenant-id", created_by: "x-hasura-user-id" } as const satisfies Record<
  string,
  string
>;

/** Column lists, presets, limits and aggregates of every permission. */
export function checkColumns(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  const columnsOf = selectableColumns(metadata);
  return placedPermissions(metadata).flatMap((placed) => [
    ...checkColumnList(placed, twin),
    ...checkPresets(placed, columnsOf.get(placed.table) ?? new Set()),
    ...checkLimits(placed, twin),
  ]);
}

/** Whether a column must never leave the database through the API. A pattern may begin with `*`. */
export function isSecretColumn(twin: PermissionsTwin, column: string): boolean {
  if (twin.secret_columns_except.includes(column)) return false;
  return twin.secret_columns.some((pattern) =>
    pattern.startsWith("*") ? column.endsWith(pattern.slice(1)) : column === pattern,
  );
}

function checkColumnList(placed: PlacedPermission, twin: PermissionsTwin): Finding[] {
  if (placed.operation === "delete") return [];
  const columns = placed.permission.columns;
  const place = [...placed.place, "columns"];
  if (!Array.isArray(columns)) {
    return [
      {
        pointer: jsonPointer(...place),
        rule: "columns-not-listed",
        message: "an omitted or `*` list means all columns",
      },
    ];
  }
  return columns.flatMap((column: unknown, index): Finding[] => {
    const pointer = jsonPointer(...place, index);
    if (typeof column !== "string") return [{ pointer, rule: "shape", message: "a column is named by a string" }];
    if (isSecretColumn(twin, column)) return [{ pointer, rule: "secret-column", message: `${column} is secret` }];
    if (placed.operation !== "select" && Object.hasOwn(KEY_PRESETS, column)) {
      return [{ pointer, rule: "settable-key", message: `${column} may not be set by a client` }];
    }
    return [];
  });
}

function checkPresets(placed: PlacedPermission, columns: ReadonlySet<string>): Finding[] {
  if (placed.operation !== "insert") return [];
  const presets = new Map(presetEntries(placed.permission.set));
  return Object.entries(KEY_PRESETS).flatMap(([column, variable]): Finding[] => {
    if (!columns.has(column) || presets.get(column)?.toLowerCase() === variable) return [];
    const pointer = jsonPointer(...placed.place, "set", column);
    return [{ pointer, rule: "missing-preset", message: `${column} must be preset to ${variable}` }];
  });
}

function presetEntries(set: unknown): [string, string][] {
  if (typeof set !== "object" || set === null) return [];
  return Object.entries(set).map(([column, value]) => [column.toLowerCase(), String(value)]);
}

function checkLimits(placed: PlacedPermission, twin: PermissionsTwin): Finding[] {
  if (placed.operation !== "select") return [];
  const findings: Finding[] = [];
  if (!Number.isInteger(placed.permission.limit)) {
    const pointer = jsonPointer(...placed.place, "limit");
    findings.push({ pointer, rule: "missing-limit", message: "every select permission has a row limit" });
  }
  const mayAggregate = (twin.tables[placed.table]?.aggregates ?? []).some(
    (letter) => roleOfLetter(twin, letter) === placed.role,
  );
  if (placed.permission.allow_aggregations === true && !mayAggregate) {
    const pointer = jsonPointer(...placed.place, "allow_aggregations");
    findings.push({ pointer, rule: "aggregates", message: `${placed.role} may not aggregate ${placed.table}` });
  }
  return findings;
}

/** The columns of each table as far as any role may read them; metadata names no others. */
function selectableColumns(metadata: MetadataShape): Map<string, Set<string>> {
  return new Map(
    placedTables(metadata).map(({ table }) => [
      table.table.name,
      new Set(
        table.select_permissions.flatMap(({ permission }) =>
          Array.isArray(permission.columns) ? permission.columns.map(String) : [],
        ),
      ),
    ]),
  );
}
