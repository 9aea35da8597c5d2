import { isDeepStrictEqual } from "node:util";
import { type Finding, jsonPointer } from "./finding.ts";
import { type MetadataShape, type Operation, type PlacedPermission, placedPermissions } from "./metadata-shape.ts";
import { expandExpression, type PermissionsTwin, roleOfLetter } from "./permissions-twin.ts";

type RoleOfTwin = { letter: string; memberRole: string };
type Cell = { table: string; operation: Operation; role: string; permission: Record<string, unknown> };

/** Every permission entry equals its cell of the twin, and every cell has its entry. */
export function checkPermissionCells(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  const cells = new Map(twinCells(twin).map((cell) => [cellKey(cell), cell]));
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

function twinCells(twin: PermissionsTwin): Cell[] {
  return Object.entries(twin.tables).flatMap(([table, grants]) => {
    const cells = (
      operation: Operation,
      roles: readonly string[],
      permission: (role: RoleOfTwin) => Cell["permission"],
    ) =>
      roles.map((letter): Cell => {
        const role = { letter, memberRole: twin.roles[letter]?.member_role ?? "" };
        return { table, operation, role: roleOfLetter(twin, letter), permission: permission(role) };
      });
    const expand = (expression: unknown, role: RoleOfTwin) => expandExpression(twin, expression, role.memberRole);
    return [
      ...grants.select.flatMap((grant) =>
        cells("select", grant.roles, (role) => ({
          columns: [...grants.base, ...grant.columns],
          filter: expand(grant.filter, role),
          limit: grants.limit,
          allow_aggregations: grants.aggregates.includes(role.letter),
        })),
      ),
      ...grants.insert.flatMap((grant) =>
        cells("insert", grant.roles, (role) => ({
          columns: grant.columns,
          check: expand(grant.check, role),
          set: grant.presets,
        })),
      ),
      ...grants.update.flatMap((grant) =>
        cells("update", grant.roles, (role) => ({
          columns: grant.columns,
          filter: expand(grant.filter, role),
          check: expand(grant.filter, role),
        })),
      ),
      ...grants.delete.flatMap((grant) =>
        cells("delete", grant.roles, (role) => ({ filter: expand(grant.filter, role) })),
      ),
    ];
  });
}
