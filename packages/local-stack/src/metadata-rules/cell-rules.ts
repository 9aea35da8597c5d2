import { isDeepStrictEqual } from "node:util";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { Finding } from "./finding.ts";
import { type MetadataShape, type PlacedPermission, placedPermissions } from "./metadata-shape.ts";
import { type Cell, permissionCells } from "./permission-cells.ts";
import type { PermissionsTwin } from "./permissions-twin.ts";

/** Every permission entry equals its cell of the twin, and every cell has its entry. */
export function checkPermissionCells(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  const cells = new Map(permissionCells(twin).map((cell) => [cellKey(cell), cell]));
  const seen = new Set<string>();
  const findings = placedPermissions(metadata).flatMap((placed): Finding[] => {
    const key = cellKey(placed);
    const pointer = jsonPointer(...placed.place);
    const cell = cells.get(key);
    if (seen.has(key)) return [{ pointer, rule: "permission-differs", message: `${key} is given twice` }];
    seen.add(key);
    if (cell === undefined) return [{ pointer, rule: "permission-differs", message: `${key} is not granted` }];
    return differingKeys(placed, cell).map((name) => ({
      pointer: jsonPointer(...placed.place, name),
      rule: "permission-differs",
      message: `${key}: ${name} differs from permissions.yaml`,
    }));
  });
  const missing = [...cells.keys()].filter((key) => !seen.has(key));
  return [
    ...findings,
    ...missing.map(
      (key): Finding => ({ pointer: "/sources/0/tables", rule: "permission-differs", message: `${key} has no entry` }),
    ),
  ];
}

function cellKey(cell: Pick<Cell, "table" | "operation" | "role">): string {
  return `${cell.operation} on ${cell.table} by ${cell.role}`;
}

function differingKeys(placed: PlacedPermission, cell: Cell): string[] {
  const actual = normalised(placed.permission);
  const expected = normalised(cell.permission);
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...keys].filter((key) => !isDeepStrictEqual(actual[key], expected[key])).sort();
}

/** Columns are a set, and an absent `allow_aggregations` is false. */
function normalised(permission: Record<string, unknown>): Record<string, unknown> {
  const { columns, allow_aggregations: aggregates, ...rest } = permission;
  return {
    ...rest,
    ...(columns === undefined ? {} : { columns: Array.isArray(columns) ? [...columns].sort() : columns }),
    ...(aggregates === undefined || aggregates === false ? {} : { allow_aggregations: aggregates }),
  };
}
