import { emails, type Queryable } from "@control-plane/db";
import { and, eq, isNotNull, sql } from "drizzle-orm";

/**
 * Gives a mail that was given up to the mail loop again, with all its attempts. Its payload is gone: the loop makes the
 * invitation a new token. False for a mail that was deleted meanwhile.
 */
export async function queueEmailAgain(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  const queued = await tx
    .update(emails)
    .set({ status: "QUEUED", attempts: 0, nextAttemptAt: sql`now()`, lastError: null })
    .where(
      and(
        eq(emails.tenantId, tenantId),
        eq(emails.id, id),
        eq(emails.status, "FAILED"),
        isNotNull(emails.invitationId),
      ),
    )
    .returning({ id: emails.id });
  return queued.length === 1;
}
