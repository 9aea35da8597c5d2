import { isDeepStrictEqual } from "node:util";
import { isHasuraRole, type MemberRole, memberRole } from "@control-plane/service-kit";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import type { Finding } from "./finding.ts";
import { type MetadataShape, type Operation, type PlacedPermission, placedPermissions } from "./metadata-shape.ts";

/** The row conditions of each operation; an update needs both, or a row could be moved out of the tenant. */
const CONDITIONS_OF = {
  insert: ["check"],
  select: ["filter"],
  update: ["filter", "check"],
  delete: ["filter"],
} as const satisfies Record<Operation, readonly string[]>;

/** Tables of the catalogue, where rows without a tenant are global and may be read by everyone. */
const CATALOGUE_TABLES: readonly string[] = ["apps", "app_versions", "actions"];

/**
 * Every row condition keeps the tenant and the live membership, whatever `permissions.yaml` says. This does not look at the twin, so
 * a term deleted from twin and metadata at once is found too.
 */
export function checkRowConditions(metadata: MetadataShape): Finding[] {
  return placedPermissions(metadata).flatMap((placed) =>
    CONDITIONS_OF[placed.operation].flatMap((name) => checkCondition(placed, name)),
  );
}

function checkCondition(placed: PlacedPermission, name: "check" | "filter"): Finding[] {
  const condition = placed.permission[name];
  const pointer = jsonPointer(...placed.place, name);
  if (condition === undefined || condition === null) {
    return [{ pointer, rule: "missing-check", message: `${placed.operation} needs a ${name}` }];
  }
  if (!isExpression(condition) || Object.keys(condition).length === 0) {
    return [{ pointer, rule: "empty-filter", message: "an empty condition lets every row through" }];
  }
  const findings: Finding[] = [];
  if (!binds(condition, tenantTermOf(placed))) {
    findings.push({ pointer, rule: "tenant-term", message: "rows are not bound to the tenant of the session" });
  }
  if (!isHasuraRole(placed.role) || !binds(condition, liveTermOf(memberRole(placed.role)))) {
    findings.push({ pointer, rule: "live-term", message: "the session's live membership is not asked for" });
  }
  return findings;
}

type Expression = Readonly<Record<string, unknown>>;
type Term = (key: string, operand: unknown) => boolean;

/** Whether no row can pass the expression without meeting the term: it stands in a conjunction, or in every branch of an `_or`. */
function binds(expression: unknown, term: Term): boolean {
  if (!isExpression(expression)) return false;
  return Object.entries(expression).some(([key, operand]) => {
    if (key === "_and") return Array.isArray(operand) && operand.some((item) => binds(item, term));
    if (key === "_or") {
      return Array.isArray(operand) && operand.length > 0 && operand.every((item) => binds(item, term));
    }
    return term(key, operand);
  });
}

function tenantTermOf(placed: PlacedPermission): Term {
  const ofTenant: Term = (key, operand) => key === "tenant_id" && equalsSession(operand, "x-hasura-tenant-id");
  if (placed.table === "tenants") return (key, operand) => key === "id" && equalsSession(operand, "x-hasura-tenant-id");
  if (placed.table === "users" && placed.operation === "select") {
    return (key, operand) => key === "memberships" && binds(operand, ofTenant);
  }
  if (placed.table === "users") return (key, operand) => key === "id" && equalsSession(operand, "x-hasura-user-id");
  if (placed.operation === "select" && CATALOGUE_TABLES.includes(placed.table)) {
    return (key, operand) =>
      ofTenant(key, operand) || (key === "tenant_id" && isDeepStrictEqual(operand, { _is_null: true }));
  }
  return ofTenant;
}

function liveTermOf(role: MemberRole): Term {
  const live = {
    _table: { schema: "public", name: "memberships" },
    _where: {
      tenant_id: { _eq: "x-hasura-tenant-id" },
      user_id: { _eq: "x-hasura-user-id" },
      role: { _eq: role },
      status: { _eq: "ACTIVE" },
    },
  };
  return (key, operand) => key === "_exists" && isDeepStrictEqual(withLowerCaseSession(operand), live);
}

function equalsSession(operand: unknown, variable: string): boolean {
  return isDeepStrictEqual(withLowerCaseSession(operand), { _eq: variable });
}

/** Hasura reads the names of session variables in any case. */
function withLowerCaseSession(value: unknown): unknown {
  if (typeof value === "string") return /^x-hasura-/i.test(value) ? value.toLowerCase() : value;
  if (!isExpression(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withLowerCaseSession(item)]));
}

function isExpression(value: unknown): value is Expression {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
