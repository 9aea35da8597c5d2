import { sql } from "drizzle-orm";
import type { Queryable } from "./client.ts";

export type AuditEntry = {
  /** Null when the event concerns no tenant. */
  tenantId: string | null;
  /** `resource.verb`, for example `session.started`. */
  action: string;
  targetType: string;
  targetId: string | null;
  /** Never a secret. */
  changes?: Record<string, unknown>;
  outcome?: "SUCCESS" | "DENIED";
};

/** Writes one row of the trail for what no table trigger sees. Call it inside `inTransaction`, which says who acts. */
export async function writeAudit(tx: Queryable, entry: AuditEntry): Promise<void> {
  const changes = entry.changes === undefined ? null : JSON.stringify(entry.changes);
  await tx.execute(sql`select internal.write_audit(${entry.tenantId}::uuid, ${entry.action}::text, ${entry.targetType}::text,
    ${entry.targetId}::uuid, ${changes}::jsonb, ${entry.outcome ?? "SUCCESS"}::audit_outcome)`);
}
