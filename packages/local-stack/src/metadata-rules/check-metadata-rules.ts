import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { z } from "zod";
import { checkPermissionCells } from "./cell-rules.ts";
import { checkColumns } from "./column-rules.ts";
import { checkActions, checkCrons, checkEventTriggers } from "./endpoint-rules.ts";
import type { Finding } from "./finding.ts";
import { metadataShapeSchema } from "./metadata-shape.ts";
import { permissionsTwinSchema } from "./permissions-twin.ts";
import { checkRemoteSchemas } from "./remote-schema-rules.ts";
import { checkRoles } from "./role-rules.ts";
import { checkRowConditions } from "./row-rules.ts";

/**
 * Our own rules over Hasura metadata: what neither Hasura nor its schema knows, because it needs to know what a tenant is.
 *
 * @param metadata the merged metadata object, actions joined with their SDL, environment templates not yet filled in
 * @param permissionsTwin the parsed `hasura/permissions.yaml`
 * @returns one finding per violation; none means the metadata may be served
 */
export function checkMetadataRules(metadata: unknown, permissionsTwin: unknown): Finding[] {
  const shape = metadataShapeSchema.safeParse(metadata);
  if (!shape.success) return shapeFindings(shape.error, "");
  const twin = permissionsTwinSchema.safeParse(permissionsTwin);
  if (!twin.success) return shapeFindings(twin.error, "permissions.yaml: ");
  return [
    ...checkRoles(shape.data),
    ...checkRowConditions(shape.data),
    ...checkColumns(shape.data, twin.data),
    ...checkPermissionCells(shape.data, twin.data),
    ...checkActions(shape.data, twin.data),
    ...checkEventTriggers(shape.data, twin.data),
    ...checkCrons(shape.data, twin.data),
    ...checkRemoteSchemas(shape.data, twin.data),
  ];
}

function shapeFindings(error: z.ZodError, prefix: string): Finding[] {
  return error.issues.map((issue) => ({
    pointer: jsonPointer(...issue.path.map((segment) => (typeof segment === "number" ? segment : String(segment)))),
    rule: "shape",
    message: `${prefix}${issue.message}`,
  }));
}
