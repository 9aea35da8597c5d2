import { type MemberRole, memberRole } from "@control-plane/service-kit";
import type { Operation } from "./metadata-shape.ts";
import { expandExpression, type PermissionsTwin } from "./permissions-twin.ts";

/** What one role may do to one table by one operation. The keys of `permission` stand in the order in which Hasura exports them. */
export type Cell = { table: string; operation: Operation; role: string; permission: Record<string, unknown> };

type Letter = keyof PermissionsTwin["roles"];
type RoleOfTwin = { letter: Letter; memberRole: MemberRole };

/** Every table permission there is: the roles and fragments of the twin written out. What is not among them is denied. */
export function permissionCells(twin: PermissionsTwin): Cell[] {
  return Object.entries(twin.tables).flatMap(([table, grants]) => {
    const cells = (
      operation: Operation,
      roles: readonly Letter[],
      permission: (role: RoleOfTwin) => Cell["permission"],
    ) =>
      roles.map((letter): Cell => {
        const role = twin.roles[letter];
        return { table, operation, role, permission: permission({ letter, memberRole: memberRole(role) }) };
      });
    const expand = (expression: unknown, role: RoleOfTwin) => expandExpression(twin, expression, role.memberRole);
    return [
      ...grants.insert.flatMap((grant) =>
        cells("insert", grant.roles, (role) => ({
          check: expand(grant.check, role),
          set: grant.presets,
          columns: grant.columns,
        })),
      ),
      ...grants.select.flatMap((grant) =>
        cells("select", grant.roles, (role) => ({
          columns: [...grants.base, ...grant.columns],
          filter: expand(grant.filter, role),
          limit: grants.limit,
          ...(grants.aggregates.includes(role.letter) ? { allow_aggregations: true } : {}),
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
