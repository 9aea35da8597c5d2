import { newToken, uuidv7 } from "@control-plane/crypto";
import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { dropQueuedEmails } from "../store/emails.ts";
import {
  expireOverdue,
  findInvitation,
  type Invitation,
  type InvitationTerms,
  type InvitedRole,
  insertInvitation,
  isActiveMember,
  RESEND_AFTER_SECONDS,
  readTerms,
  renewForResend,
  SENT_COUNT_MAX,
  setRevoked,
} from "../store/invitations.ts";
import { type EmailPayload, queueEmail, type SealedEmail, sealEmail } from "./emails.ts";
import { spend } from "./limits.ts";

export type SentInvitation = { invitationId: string; expiresAt: string };

/**
 * Invites somebody by mail. The token is in the sealed mail only; the invitation holds its hash.
 * Throws `ALREADY_MEMBER` and `INVITATION_PENDING`, and `RATE_LIMITED` past 50 mails of the tenant in an hour.
 */
export async function inviteUserToTenant(
  deps: Pick<Deps, "db" | "envelope" | "limits">,
  caller: Caller,
  { email, role }: { email: string; role: InvitedRole },
): Promise<SentInvitation> {
  const { tenantId, userId } = caller;
  await spend(deps.limits.invitations, tenantId);
  const id = uuidv7();
  const { token, hash } = newToken("inv_");
  const { expiresAt, mail } = await writeMail(deps, caller, { id, email, role, token });
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    await expireOverdue(tx, tenantId, email);
    if (await isActiveMember(tx, tenantId, email)) throw new AppError("ALREADY_MEMBER", "this person is a member");
    const invitation = { id, tenantId, email, role, tokenHash: hash, expiresAt, invitedBy: userId };
    if (!(await insertInvitation(tx, invitation)))
      throw new AppError("INVITATION_PENDING", "an open invitation of this address exists; resend it");
    await queueEmail(tx, mail);
    return { invitationId: id, expiresAt: expiresAt.toISOString() };
  });
}

/**
 * Sends a new link, with its time beginning anew; the old one dies. Also for an invitation that nobody answered in time.
 * Throws `NOT_FOUND`, `RATE_LIMITED` within a minute of the last mail, `CONFLICT` when it is closed or was sent too often.
 */
export async function resendInvitation(
  deps: Pick<Deps, "db" | "envelope" | "limits">,
  caller: Caller,
  invitationId: string,
): Promise<SentInvitation> {
  const { tenantId } = caller;
  await spend(deps.limits.invitations, tenantId);
  const invitation = await findInvitation(deps.db, tenantId, invitationId);
  if (invitation === undefined) throw notFound();
  const refusal = resendRefusal(invitation);
  if (refusal !== undefined) throw refusal;
  const { token, hash } = newToken("inv_");
  const { expiresAt, mail } = await writeMail(deps, caller, { ...invitation, token });
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    if (!(await renewForResend(tx, tenantId, invitationId, { tokenHash: hash, expiresAt }))) {
      const present = await findInvitation(tx, tenantId, invitationId);
      throw (present === undefined ? notFound() : resendRefusal(present)) ?? closed();
    }
    await dropQueuedEmails(tx, tenantId, invitationId);
    await queueEmail(tx, mail);
    return { invitationId, expiresAt: expiresAt.toISOString() };
  });
}

/** Withdraws an invitation that nobody has answered. Throws `NOT_FOUND`, `CONFLICT`. */
export async function revokeInvitation(
  deps: Pick<Deps, "db">,
  caller: Caller,
  invitationId: string,
): Promise<{ ok: boolean }> {
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    if (await setRevoked(tx, caller.tenantId, invitationId)) return { ok: true };
    if ((await findInvitation(tx, caller.tenantId, invitationId)) === undefined) throw notFound();
    throw closed();
  });
}

/** Comes before the transaction: sealing may ask the key provider. */
async function writeMail(
  deps: Pick<Deps, "db" | "envelope">,
  inviter: Pick<Caller, "tenantId" | "userId">,
  { id, email, role, token }: { id: string; email: string; role: InvitedRole; token: string },
): Promise<{ expiresAt: Date; mail: SealedEmail }> {
  const terms = await readTerms(deps.db, inviter);
  const payload = invitationPayload(terms, role, token);
  const { tenantId } = inviter;
  const mail = await sealEmail(deps.envelope, { tenantId, recipient: email, invitationId: id, payload });
  return { expiresAt: terms.expiresAt, mail };
}

/** What the mail of an invitation is made of. */
export function invitationPayload(terms: InvitationTerms, role: InvitedRole, token: string): EmailPayload {
  const { tenantName, inviterName, expiresAt } = terms;
  return { kind: "INVITATION", token, tenantName, inviterName, role, expiresAt: expiresAt.toISOString() };
}

function resendRefusal({ status, sentCount, secondsSinceSent }: Invitation): AppError | undefined {
  if (status !== "PENDING") return closed();
  if (sentCount >= SENT_COUNT_MAX)
    return new AppError("CONFLICT", "this invitation was sent too often; revoke it and invite anew");
  if (secondsSinceSent >= RESEND_AFTER_SECONDS) return undefined;
  return new AppError("RATE_LIMITED", "this invitation was sent a moment ago", {
    details: { retryAfterSeconds: RESEND_AFTER_SECONDS - secondsSinceSent },
  });
}

function notFound(): AppError {
  return new AppError("NOT_FOUND", "there is no such invitation");
}

function closed(): AppError {
  return new AppError("CONFLICT", "this invitation is closed");
}
