import { hasuraRole, type MemberRole } from "@control-plane/service-kit/roles";
import { currentRequestId, currentTrace } from "@control-plane/service-kit/trace";
import { type SQL, sql } from "drizzle-orm";
import type { Database, Transaction } from "./client.ts";
import { type Connection, onOneConnection } from "./one-connection.ts";
import { repeatOnConflict } from "./repeat-on-conflict.ts";

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
  /** Set when the user's access token was bought with an access key; the trail's source then ends in `/access-key`. */
  tokenSource?: "access-key" | undefined;
};

/** A signed-in member, as far as the database is told about him. */
export type ActingMember = {
  readonly userId: string;
  readonly tenantId: string;
  readonly role: MemberRole;
  readonly tokenSource?: Actor["tokenSource"];
};

/** The actor of what a signed-in member asks for. */
export function memberActor(source: ActorSource, { userId, tenantId, role, tokenSource }: ActingMember): Actor {
  return { source, userId, tenantId, role, tokenSource };
}

/** In a transaction. `client` is its connection, for statements that are prepared under a name. */
type Work<T> = (tx: Transaction, client: Connection["$client"]) => Promise<T>;

/**
 * One transaction whose first statement tells the database who acts, in the form Hasura uses for its mutations; request
 * id and trace are those of the request or job under way. It is repeated when PostgreSQL asks for that (serialization
 * failure, deadlock), so `work` does nothing outside the database.
 */
export async function inTransaction<T>(db: Database, actor: Actor, work: Work<T>): Promise<T> {
  return repeatOnConflict(() => onOneConnection(db, (connection) => beginAs(connection, actor, work)));
}

/** The same on a connection that the caller holds. */
export async function transactionOn<T>(connection: Connection, actor: Actor, work: Work<T>): Promise<T> {
  return repeatOnConflict(() => beginAs(connection, actor, work));
}

function beginAs<T>(connection: Connection, actor: Actor, work: Work<T>): Promise<T> {
  return connection.transaction(async (tx) => {
    await tx.execute(sql`select ${actingAs(actorSettings(actor))}`);
    return work(tx, connection.$client);
  });
}

/** The texts of the settings by which triggers and the trail know who acts, for the request or job under way. */
export function actorSettings(actor: Actor): { actor: string; trace: string } {
  return { actor: sessionVariables(actor), trace: traceContext(currentTrace()?.traceparent) };
}

/**
 * The settings as columns of a statement, for one that is a transaction by itself: what it writes must come from rows that
 * these were read with, or the triggers would not know yet who acts. Each is a text or the placeholder of one.
 */
export function actingAs({ actor, trace }: { actor: unknown; trace: unknown }): SQL {
  return sql`set_config('hasura.user', ${actor}, true), set_config('hasura.tracecontext', ${trace}, true)`;
}

function sessionVariables(actor: Actor): string {
  // JSON.stringify leaves out what is undefined.
  return JSON.stringify({
    "x-hasura-user-id": actor.userId,
    "x-hasura-tenant-id": actor.tenantId,
    "x-hasura-role": actor.role === undefined ? undefined : hasuraRole(actor.role),
    "x-source": actor.source,
    "x-run-id": actor.runId,
    "x-request-id": currentRequestId(),
    "x-hasura-token-source": actor.tokenSource,
  });
}

/** Empty where there is none: the trigger that reads the setting takes an empty text for unset. */
function traceContext(traceparent: string | undefined): string {
  const parts = traceparent?.split("-");
  if (parts === undefined || parts.length < 4) return "";
  return JSON.stringify({ trace_id: parts[1], span_id: parts[2] });
}
