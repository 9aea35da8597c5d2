import { hashToken, uuidv7 } from "@control-plane/crypto";
import { inTransaction, type Queryable } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { Deps } from "../deps.ts";
import { findUserByEmail, findUserEmail, insertUser } from "../store/accounts.ts";
import { answerInvitation, findInvitationByToken, type Invitation, setAcceptedBy } from "../store/invitations.ts";
import { joinTenant } from "../store/memberships.ts";
import { boundingGuesses, spendOfAddress } from "./limits.ts";
import { acceptPassword } from "./password-policy.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { type AuthPayload, type Origin, startSession } from "./sessions.ts";

export type Acceptance = { token: string; password: string | undefined; name: string | undefined };

/** Who joins: a user there is, or one who is made by joining. */
type Applicant =
  | { kind: "known"; userId: string }
  | { kind: "new"; userId: string; name: string; passwordHash: string };

/**
 * Makes whoever has the token a member, and signs him in. The invited address decides who that is: the signed-in caller's,
 * an account's with its password, or a new account's. A refusal leaves the invitation open.
 * Throws `INVITATION_NOT_FOUND`, `INVITATION_EXPIRED`, `INVITATION_REVOKED`, `INVITATION_ALREADY_ACCEPTED`,
 * `INVITATION_EMAIL_MISMATCH`, `INVALID_CREDENTIALS`, `PASSWORD_REJECTED`, and `BAD_INPUT` for a new account without a name.
 */
export async function acceptInvitation(
  deps: Pick<Deps, "db" | "issueAccessToken" | "limits">,
  caller: Caller | undefined,
  acceptance: Acceptance,
  origin: Origin,
): Promise<AuthPayload> {
  await spendOfAddress(deps.limits.mailedTokens, origin);
  const tokenHash = hashToken(acceptance.token);
  const invitation = await requireOpen(deps.db, tokenHash);
  const { tenantId, email } = invitation;
  // Passwords are worked on before the transaction: that takes long.
  const applicant = await identify(deps, invitation, caller, acceptance, origin);
  const { userId } = applicant;
  const actor = { source: "auth-actions", userId, tenantId, role: invitation.role } as const;
  return inTransaction(deps.db, actor, async (tx) => {
    if (!(await answerInvitation(tx, tenantId, tokenHash, "ACCEPTED"))) throw await refusal(tx, tokenHash);
    await failpoint("accept.after-take");
    if (applicant.kind === "new") {
      const { name, passwordHash } = applicant;
      if ((await insertUser(tx, { id: userId, email, name, passwordHash })) === undefined)
        throw new AppError("CONFLICT", "this address got an account meanwhile; accept again with its password");
    }
    await setAcceptedBy(tx, tenantId, invitation.id, userId);
    await joinTenant(tx, { tenantId, userId, role: invitation.role });
    return startSession(tx, deps.issueAccessToken, actor, origin);
  });
}

/** Turns an invitation down for good. Throws as `acceptInvitation` does for one that is not open. */
export async function declineInvitation(
  deps: Pick<Deps, "db" | "limits">,
  token: string,
  origin: Origin,
): Promise<{ ok: boolean }> {
  await spendOfAddress(deps.limits.mailedTokens, origin);
  const tokenHash = hashToken(token);
  const { tenantId } = await requireOpen(deps.db, tokenHash);
  return inTransaction(deps.db, { source: "auth-actions", tenantId }, async (tx) => {
    if (!(await answerInvitation(tx, tenantId, tokenHash, "DECLINED"))) throw await refusal(tx, tokenHash);
    return { ok: true };
  });
}

async function requireOpen(db: Queryable, tokenHash: Buffer): Promise<Invitation> {
  const invitation = await findInvitationByToken(db, tokenHash);
  if (invitation === undefined || invitation.status !== "PENDING" || invitation.overdue) throw refusalOf(invitation);
  return invitation;
}

async function refusal(tx: Queryable, tokenHash: Buffer): Promise<AppError> {
  return refusalOf(await findInvitationByToken(tx, tokenHash));
}

function refusalOf(invitation: Invitation | undefined): AppError {
  if (invitation === undefined) return new AppError("INVITATION_NOT_FOUND", "there is no such invitation");
  switch (invitation.status) {
    case "ACCEPTED":
      return new AppError("INVITATION_ALREADY_ACCEPTED", "this invitation was accepted");
    case "DECLINED":
    case "REVOKED":
      return new AppError("INVITATION_REVOKED", "this invitation was withdrawn or declined");
    case "PENDING":
    case "EXPIRED":
      return new AppError("INVITATION_EXPIRED", "this invitation has expired");
    default:
      return invitation.status satisfies never;
  }
}

async function identify(
  deps: Pick<Deps, "db" | "limits">,
  { email }: Invitation,
  caller: Caller | undefined,
  { password, name }: Acceptance,
  origin: Origin,
): Promise<Applicant> {
  if (caller !== undefined) {
    if ((await findUserEmail(deps.db, caller.userId)) !== email)
      throw new AppError("INVITATION_EMAIL_MISMATCH", "this invitation is for somebody else");
    return { kind: "known", userId: caller.userId };
  }
  const user = await findUserByEmail(deps.db, email);
  if (user !== undefined) {
    return boundingGuesses(deps, email, origin, async () => {
      if (password === undefined || !(await verifyPassword(user.passwordHash, password.normalize("NFKC"))))
        throw new AppError("INVALID_CREDENTIALS", "this address has an account; its password is needed");
      return { kind: "known", userId: user.id };
    });
  }
  if (password === undefined || name === undefined) throw needsAccount({ password, name });
  return { kind: "new", userId: uuidv7(), name, passwordHash: await hashPassword(acceptPassword(password, email)) };
}

function needsAccount(given: Pick<Acceptance, "password" | "name">): AppError {
  const missing = Object.entries(given).filter(([, value]) => value === undefined);
  const issues = missing.map(([path]) => ({ path, message: "is required: there is no account of this address" }));
  return new AppError("BAD_INPUT", "this address has no account: give a name and a password", { details: { issues } });
}
