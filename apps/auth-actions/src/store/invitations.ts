import {
  type Database,
  inBatches,
  inTransaction,
  type invitationStatus,
  invitations,
  memberships,
  type Queryable,
  tenants,
  users,
} from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { and, eq, gt, inArray, isNull, lt, lte, or, type SQL, sql } from "drizzle-orm";

/** What somebody can be invited to be. Owners are made by owners, never by mail. */
export type InvitedRole = Exclude<MemberRole, "owner">;

/** From each mail on. */
const OPEN_DAYS = 7;
export const RESEND_AFTER_SECONDS = 60;
/** The first mail and five more. */
export const SENT_COUNT_MAX = 6;

export type InvitationTerms = { tenantName: string; inviterName: string; expiresAt: Date };

/** What a mail made now tells of an invitation; for an inviter who is gone the tenant invites. */
export async function readTerms(
  db: Queryable,
  inviter: { tenantId: string; userId: string | null },
): Promise<InvitationTerms> {
  const [terms] = await db
    .select({
      tenantName: tenants.name,
      inviterName: users.name,
      expiresAt: sql`now() + make_interval(days => ${OPEN_DAYS})`.mapWith(invitations.expiresAt),
    })
    .from(tenants)
    .leftJoin(users, inviter.userId === null ? sql`false` : eq(users.id, inviter.userId))
    .where(eq(tenants.id, inviter.tenantId));
  if (terms === undefined) throw new Error("the tenant of an invitation is gone");
  return { ...terms, inviterName: terms.inviterName ?? terms.tenantName };
}

export type Invitation = {
  id: string;
  tenantId: string;
  email: string;
  role: InvitedRole;
  status: (typeof invitationStatus.enumValues)[number];
  /** Its time is over, whatever the status says. */
  overdue: boolean;
  sentCount: number;
  secondsSinceSent: number;
  invitedBy: string | null;
};

export function findInvitation(db: Queryable, tenantId: string, id: string): Promise<Invitation | undefined> {
  return findOne(db, ofTenant(tenantId, id));
}

/** The token is the key: it names tenant and invitation both. */
export function findInvitationByToken(db: Queryable, tokenHash: Buffer): Promise<Invitation | undefined> {
  return findOne(db, eq(invitations.tokenHash, tokenHash));
}

async function findOne(db: Queryable, where: SQL | undefined): Promise<Invitation | undefined> {
  const [row] = await db
    .select({
      id: invitations.id,
      tenantId: invitations.tenantId,
      email: invitations.email,
      role: invitations.role,
      status: invitations.status,
      overdue: sql<boolean>`${invitations.expiresAt} <= now()`,
      sentCount: invitations.sentCount,
      secondsSinceSent: sql<number>`coalesce(floor(extract(epoch from now() - ${invitations.lastSentAt})), ${RESEND_AFTER_SECONDS})::int`,
      invitedBy: invitations.invitedBy,
    })
    .from(invitations)
    .where(where);
  if (row === undefined) return undefined;
  const { role } = row;
  // The type of the column does not know what its check constraint refuses.
  if (role === "owner") throw new Error("an owner was invited");
  return { ...row, role };
}

export async function isActiveMember(tx: Queryable, tenantId: string, email: string): Promise<boolean> {
  const found = await tx
    .select({ id: memberships.id })
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.status, "ACTIVE"), eq(users.email, email)));
  return found.length > 0;
}

/** An invitation whose time is over no longer stands in the way of a new one. */
export async function expireOverdue(tx: Queryable, tenantId: string, email: string): Promise<void> {
  await tx
    .update(invitations)
    .set({ status: "EXPIRED" })
    .where(
      and(
        eq(invitations.tenantId, tenantId),
        eq(invitations.email, email),
        eq(invitations.status, "PENDING"),
        lte(invitations.expiresAt, sql`now()`),
      ),
    );
}

export type NewInvitation = {
  id: string;
  tenantId: string;
  email: string;
  role: InvitedRole;
  tokenHash: Buffer;
  expiresAt: Date;
  invitedBy: string;
};

/** False while the tenant has an open invitation of this address. */
export async function insertInvitation(tx: Queryable, invitation: NewInvitation): Promise<boolean> {
  const inserted = await tx
    .insert(invitations)
    .values({ ...invitation, lastSentAt: sql`now()` })
    .onConflictDoNothing({
      target: [invitations.tenantId, invitations.email],
      where: sql`${invitations.status} = 'PENDING'`,
    })
    .returning({ id: invitations.id });
  return inserted.length > 0;
}

/** False when the invitation is closed, or may not be sent again at this moment. */
export function renewForResend(tx: Queryable, tenantId: string, id: string, renewal: Renewal): Promise<boolean> {
  const longAgo = sql`now() - make_interval(secs => ${RESEND_AFTER_SECONDS})`;
  return renew(tx, tenantId, id, renewal, [
    lt(invitations.sentCount, SENT_COUNT_MAX),
    or(isNull(invitations.lastSentAt), lte(invitations.lastSentAt, longAgo)),
  ]);
}

/** False when the invitation is closed. */
export function renewOpen(tx: Queryable, tenantId: string, id: string, renewal: Renewal): Promise<boolean> {
  return renew(tx, tenantId, id, renewal, []);
}

export type Renewal = { tokenHash: Buffer; expiresAt: Date };

/** Another token in place of the old one, and time anew. */
async function renew(
  tx: Queryable,
  tenantId: string,
  id: string,
  renewal: Renewal,
  conditions: readonly (SQL | undefined)[],
): Promise<boolean> {
  const renewed = await tx
    .update(invitations)
    .set({
      ...renewal,
      sentCount: sql`${invitations.sentCount} + 1`,
      lastSentAt: sql`now()`,
      deliveryStatus: "QUEUED",
    })
    .where(and(ofTenant(tenantId, id), eq(invitations.status, "PENDING"), ...conditions))
    .returning({ id: invitations.id });
  return renewed.length > 0;
}

/** False when it was closed already. */
export async function setRevoked(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  const revoked = await tx
    .update(invitations)
    .set({ status: "REVOKED" })
    .where(and(ofTenant(tenantId, id), eq(invitations.status, "PENDING")))
    .returning({ id: invitations.id });
  return revoked.length > 0;
}

/** Closes an invitation that is open and in time for whoever has the token; false when somebody else was quicker. */
export async function answerInvitation(
  tx: Queryable,
  tenantId: string,
  tokenHash: Buffer,
  status: "ACCEPTED" | "DECLINED",
): Promise<boolean> {
  const answered = await tx
    .update(invitations)
    .set({ status, ...(status === "ACCEPTED" ? { acceptedAt: sql`now()` } : {}) })
    .where(
      and(
        eq(invitations.tenantId, tenantId),
        eq(invitations.tokenHash, tokenHash),
        eq(invitations.status, "PENDING"),
        gt(invitations.expiresAt, sql`now()`),
      ),
    )
    .returning({ id: invitations.id });
  return answered.length > 0;
}

export async function setAcceptedBy(tx: Queryable, tenantId: string, id: string, userId: string): Promise<void> {
  await tx.update(invitations).set({ acceptedBy: userId }).where(ofTenant(tenantId, id));
}

function ofTenant(tenantId: string, id: string): SQL | undefined {
  return and(eq(invitations.tenantId, tenantId), eq(invitations.id, id));
}

/** Of all tenants: says of those that nobody answered in time what they are. */
export function expireInvitations(db: Database): Promise<number> {
  return inBatches((rowsMax) =>
    inTransaction(db, { source: "auth-actions" }, async (tx) => {
      const overdue = tx
        .select({ id: invitations.id })
        .from(invitations)
        .where(and(eq(invitations.status, "PENDING"), lte(invitations.expiresAt, sql`now()`)))
        .limit(rowsMax)
        .for("update", { skipLocked: true });
      const { rowCount } = await tx
        .update(invitations)
        .set({ status: "EXPIRED" })
        .where(inArray(invitations.id, overdue));
      return rowCount ?? 0;
    }),
  );
}
