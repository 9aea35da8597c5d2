import { deadLetters, emails, invitations, type Queryable } from "@control-plane/db";
import { and, asc, eq, inArray, isNull, lte, sql } from "drizzle-orm";

export async function insertEmail(tx: Queryable, email: typeof emails.$inferInsert): Promise<void> {
  await tx.insert(emails).values(email);
}

/** Mails of an invitation that still wait hold a token that is dead; the next one takes their place. */
export async function dropQueuedEmails(tx: Queryable, tenantId: string, invitationId: string): Promise<void> {
  await tx
    .update(emails)
    .set({ status: "FAILED", payloadCipher: null, lastError: "SUPERSEDED" })
    .where(and(eq(emails.tenantId, tenantId), eq(emails.invitationId, invitationId), eq(emails.status, "QUEUED")));
}

export type DueEmail = {
  id: string;
  tenantId: string | null;
  kind: "INVITATION" | "PASSWORD_RESET";
  recipient: string;
  invitationId: string | null;
  payloadCipher: Buffer | null;
  /** The one that begins counts. */
  attempts: number;
};

const BACK_OFF_SECONDS_MIN = 30;
const BACK_OFF_SECONDS_MAX = 3_600;

/**
 * Takes mails that are due, of all tenants, and puts each off to its next attempt at once: 30 s, then twice as long each
 * time, up to an hour. A sender that dies leaves nothing to clean up, its mails are simply due again then.
 */
export async function takeDueEmails(db: Queryable, countMax: number): Promise<DueEmail[]> {
  const due = db
    .select({ id: emails.id })
    .from(emails)
    .where(and(eq(emails.status, "QUEUED"), lte(emails.nextAttemptAt, sql`now()`)))
    .orderBy(asc(emails.nextAttemptAt))
    .limit(countMax)
    .for("update", { skipLocked: true });
  // Ten doublings pass the longest wait; the bound keeps the power small.
  const backOff = sql`least(${BACK_OFF_SECONDS_MIN} * power(2, least(${emails.attempts}, 10)), ${BACK_OFF_SECONDS_MAX})`;
  return db
    .update(emails)
    .set({
      attempts: sql`${emails.attempts} + 1`,
      nextAttemptAt: sql`now() + make_interval(secs => ${backOff})`,
    })
    .where(inArray(emails.id, due))
    .returning({
      id: emails.id,
      tenantId: emails.tenantId,
      kind: emails.kind,
      recipient: emails.recipient,
      invitationId: emails.invitationId,
      payloadCipher: emails.payloadCipher,
      attempts: emails.attempts,
    });
}

/** Gives a queued mail without payload one. */
export async function setPayload(tx: Queryable, id: string, payloadCipher: Buffer): Promise<boolean> {
  const set = await tx
    .update(emails)
    .set({ payloadCipher })
    .where(and(eq(emails.id, id), eq(emails.status, "QUEUED"), isNull(emails.payloadCipher)))
    .returning({ id: emails.id });
  return set.length > 0;
}

/** False when the mail was closed meanwhile: then another one has taken its place. */
export async function setSent(tx: Queryable, id: string): Promise<boolean> {
  const sent = await tx
    .update(emails)
    .set({ status: "SENT", sentAt: sql`now()`, payloadCipher: null, lastError: null })
    .where(and(eq(emails.id, id), eq(emails.status, "QUEUED")))
    .returning({ id: emails.id });
  return sent.length > 0;
}

/** Remembers why an attempt came to nothing; a later attempt that has begun is left alone. */
export async function setAttemptFailed(tx: Queryable, { id, attempts }: DueEmail, reason: string): Promise<void> {
  await tx
    .update(emails)
    .set({ lastError: reason })
    .where(and(eq(emails.id, id), eq(emails.status, "QUEUED"), eq(emails.attempts, attempts)));
}

/** Gives the attempt's mail up; false when it was closed or taken up again meanwhile. */
export async function setFailed(tx: Queryable, { id, attempts }: DueEmail, reason: string): Promise<boolean> {
  const failed = await tx
    .update(emails)
    .set({ status: "FAILED", payloadCipher: null, lastError: reason })
    .where(and(eq(emails.id, id), eq(emails.status, "QUEUED"), eq(emails.attempts, attempts)))
    .returning({ id: emails.id });
  return failed.length > 0;
}

export async function setDelivery(
  tx: Queryable,
  { tenantId, invitationId }: Pick<DueEmail, "tenantId" | "invitationId">,
  deliveryStatus: "SENT" | "FAILED",
): Promise<void> {
  if (tenantId === null || invitationId === null) return;
  await tx
    .update(invitations)
    .set({ deliveryStatus })
    .where(and(eq(invitations.tenantId, tenantId), eq(invitations.id, invitationId)));
}

/** One open dead letter of a mail at most. */
export async function insertDeadLetter(tx: Queryable, email: DueEmail, reason: string): Promise<void> {
  await tx
    .insert(deadLetters)
    .values({
      tenantId: email.tenantId,
      kind: "EMAIL",
      referenceId: email.id,
      reason: "EMAIL_NOT_TAKEN",
      detail: reason,
      attempts: email.attempts,
    })
    .onConflictDoNothing();
}
