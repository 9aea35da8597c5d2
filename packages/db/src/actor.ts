import { sql } from "drizzle-orm";
import type { Database, Transaction } from "./client.ts";
import type { memberRole } from "./schema/enums.ts";

type MemberRole = (typeof memberRole.enumValues)[number];

/** Where a change comes from, as `audit_events.source` names it. */
export type ActorSource = "auth-actions" | "webhook-gateway" | "orchestrator" | "runner" | "cli";

/**
 * Who writes. With `userId` the audit trail says USER; source `runner` with `runId` says RUNNER; else SYSTEM. A `tenantId`
 * also arms the tenant guard: rows of other tenants cannot be written.
 */
export type Actor = {
  source: ActorSource;
  userId?: string | undefined;
  tenantId?: string | undefined;
  role?: MemberRole | undefined;
  runId?: string | undefined;
  requestId?: string | undefined;
  /** W3C trace context. */
  traceparent?: string | undefined;
};

/** One transaction whose first statement tells the database who acts, in the form Hasura uses for its mutations. */
export async function inTransaction<T>(db: Database, actor: Actor, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.execute(
      sql`select set_config('hasura.user', ${sessionVariables(actor)}, true), set_config('hasura.tracecontext', ${traceContext(actor.traceparent)}, true)`,
    );
    return work(tx);
  });
}

function sessionVariables(actor: Actor): string {
  // JSON.stringify leaves out what is undefined; towards Hasura the member role `admin` is `tenant_admin`.
  return JSON.stringify({
    "x-hasura-user-id": actor.userId,
    "x-hasura-tenant-id": actor.tenantId,
    "x-hasura-role": actor.role === "admin" ? "tenant_admin" : actor.role,
    "x-source": actor.source,
    "x-run-id": actor.runId,
    "x-request-id": actor.requestId,
  });
}

/** Empty where there is none: the trigger that reads the setting takes an empty text for unset. */
function traceContext(traceparent: string | undefined): string {
  const parts = traceparent?.split("-");
  if (parts === undefined || parts.length < 4) return "";
  return JSON.stringify({ trace_id: parts[1], span_id: parts[2] });
}
