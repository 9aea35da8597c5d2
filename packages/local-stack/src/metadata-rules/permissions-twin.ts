import { ANONYMOUS_ROLE, HASURA_ROLES } from "@control-plane/service-kit";
import { z } from "zod";

const memberLetterSchema = z.enum(["O", "A", "B", "V"]);
const callerLetterSchema = z.enum([...memberLetterSchema.options, ANONYMOUS_ROLE]);
const columnsSchema = z.array(z.string()).min(1);

const selectCellSchema = z.strictObject({
  roles: z.array(memberLetterSchema).min(1),
  filter: z.unknown(),
  columns: columnsSchema,
});
const insertCellSchema = z.strictObject({
  roles: z.array(memberLetterSchema).min(1),
  check: z.unknown(),
  presets: z.record(z.string(), z.string()),
  columns: columnsSchema,
});
const deleteCellSchema = z.strictObject({ roles: z.array(memberLetterSchema).min(1), filter: z.unknown() });

const serviceSchema = z.enum(["AUTH_ACTIONS_URL", "WEBHOOK_GATEWAY_URL", "ORCHESTRATOR_URL", "LOGS_SCHEMA_URL"]);
/** What a caller over HTTP may present. */
export const presentedCallers = [
  "nothing",
  ...memberLetterSchema.options,
  "access-key",
  "runner-token",
  "lease-token",
  "action-secret",
  "event-secret",
  "logs-secret",
  "ops-secret",
  "admin-secret",
  "signature",
] as const;
const httpCallerSchema = z.enum(["anyone", ...presentedCallers]);
export type HttpCaller = z.infer<typeof httpCallerSchema>;

export const httpServices = [
  "auth-actions",
  "webhook-gateway",
  "orchestrator",
  "logs-schema",
  "hasura-engine",
] as const;
export type HttpService = (typeof httpServices)[number];

const secretHeaderSchema = z.strictObject({ name: z.string(), env: z.string() });
const eventOperationSchema = z.strictObject({ columns: columnsSchema, payload: columnsSchema });

/** The form of `hasura/permissions.yaml`; the first lines of that file say what each key means. */
export const permissionsTwinSchema = z.strictObject({
  roles: z.record(memberLetterSchema, z.enum(HASURA_ROLES)),
  fragments: z.record(z.string(), z.unknown()),
  secret_columns: z.array(z.string()).min(1),
  secret_columns_except: z.array(z.string()).default([]),
  secret_headers: z.strictObject({
    actions: secretHeaderSchema,
    events: secretHeaderSchema,
    remote_schemas: secretHeaderSchema,
  }),
  tables: z.record(
    z.string(),
    z.strictObject({
      base: columnsSchema,
      limit: z.int().positive(),
      aggregates: z.array(memberLetterSchema).default([]),
      select: z.array(selectCellSchema).default([]),
      insert: z.array(insertCellSchema).default([]),
      update: z.array(selectCellSchema).default([]),
      delete: z.array(deleteCellSchema).default([]),
    }),
  ),
  actions: z.record(
    z.string(),
    z.strictObject({
      kind: z.enum(["mutation", "query"]),
      roles: z.array(callerLetterSchema).min(1),
      service: serviceSchema,
    }),
  ),
  remote_schemas: z.record(
    z.string(),
    z.strictObject({
      service: serviceSchema,
      path: z.string(),
      roles: z.array(memberLetterSchema).min(1),
      presets: z.record(z.string(), z.string()),
    }),
  ),
  event_triggers: z.record(
    z.string(),
    z.strictObject({
      table: z.string(),
      service: serviceSchema,
      path: z.string(),
      operations: z.strictObject({
        insert: eventOperationSchema.optional(),
        update: eventOperationSchema.optional(),
        delete: eventOperationSchema.optional(),
      }),
    }),
  ),
  crons: z.record(z.string(), z.strictObject({ schedule: z.string(), service: serviceSchema, path: z.string() })),
  routes: z.record(z.enum(httpServices), z.record(z.string(), z.array(httpCallerSchema))),
});

export type PermissionsTwin = z.infer<typeof permissionsTwinSchema>;

/** Hasura's role for a letter of the twin; `anonymous` stands for itself. */
export function roleOfLetter(twin: PermissionsTwin, letter: z.infer<typeof callerLetterSchema>): string {
  return letter === ANONYMOUS_ROLE ? letter : twin.roles[letter];
}

/** Writes out an expression of the twin for one role, in the form Hasura reads. */
export function expandExpression(twin: PermissionsTwin, expression: unknown, memberRole: string): unknown {
  if (expression === "$member_role") return memberRole;
  if (typeof expression === "string" && Object.hasOwn(twin.fragments, expression)) {
    return expandExpression(twin, twin.fragments[expression], memberRole);
  }
  if (Array.isArray(expression)) return { _and: expandItems(twin, expression.flatMap(splice(twin)), memberRole) };
  if (typeof expression !== "object" || expression === null) return expression;
  return Object.fromEntries(
    Object.entries(expression).map(([key, value]) => [
      key,
      Array.isArray(value) ? expandItems(twin, value, memberRole) : expandExpression(twin, value, memberRole),
    ]),
  );
}

function expandItems(twin: PermissionsTwin, items: readonly unknown[], memberRole: string): unknown[] {
  return items.map((item) => expandExpression(twin, item, memberRole));
}

function splice(twin: PermissionsTwin): (item: unknown) => unknown[] {
  return (item) => {
    const fragment = typeof item === "string" ? twin.fragments[item] : undefined;
    return Array.isArray(fragment) ? fragment : [item];
  };
}
