import { ANONYMOUS_ROLE, isHasuraRole } from "@control-plane/service-kit";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { Finding } from "./finding.ts";
import { type MetadataShape, placedPermissions } from "./metadata-shape.ts";

/** No role but the four of members; anonymous has Hasura actions only, and may not read the schema. */
export function checkRoles(metadata: MetadataShape): Finding[] {
  const granted = [
    ...placedPermissions(metadata).map(({ role, place }) => ({
      role,
      place: place.slice(0, -1),
      of: "table" as const,
    })),
    ...metadata.remote_schemas.flatMap((remote, index) =>
      remote.permissions.map(({ role }, permissionIndex) => ({
        role,
        place: ["remote_schemas", index, "permissions", permissionIndex],
        of: "remote schema" as const,
      })),
    ),
    ...metadata.actions.flatMap((action, index) =>
      action.permissions.map(({ role }, permissionIndex) => ({
        role,
        place: ["actions", index, "permissions", permissionIndex],
        of: "action" as const,
      })),
    ),
  ];
  const introspection = metadata.graphql_schema_introspection?.disabled_for_roles ?? [];
  return [
    ...granted.flatMap(({ role, place, of }) => checkRole(role, jsonPointer(...place, "role"), of)),
    ...(introspection.includes(ANONYMOUS_ROLE)
      ? []
      : [
          {
            pointer: "/graphql_schema_introspection/disabled_for_roles",
            rule: "anonymous",
            message: "introspection stays off for anonymous",
          } satisfies Finding,
        ]),
  ];
}

function checkRole(role: string, pointer: string, of: "table" | "remote schema" | "action"): Finding[] {
  if (isHasuraRole(role)) return [];
  if (role !== ANONYMOUS_ROLE) return [{ pointer, rule: "unknown-role", message: `there is no role ${role}` }];
  if (of === "action") return [];
  return [{ pointer, rule: "anonymous", message: `anonymous may use no ${of}` }];
}
