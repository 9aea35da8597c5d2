import { setTimeout as delay } from "node:timers/promises";
import { hashToken, newToken } from "@control-plane/crypto";
import { inTransaction, writeAudit } from "@control-plane/db";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { findUserByEmail, setPasswordHash } from "../store/accounts.ts";
import { closeResets, findOpenReset, insertReset, resetTokenExpiry, takeReset } from "../store/password-resets.ts";
import { endSessions } from "../store/sessions.ts";
import { revokeAccessKeysOf } from "./access-keys.ts";
import { queueEmail, sealEmail } from "./emails.ts";
import { spend, spendOfAddress } from "./limits.ts";
import { acceptPassword } from "./password-policy.ts";
import { hashPassword } from "./passwords.ts";
import type { Origin } from "./sessions.ts";

/** Far above what the work takes: the answer leaves this long after the question, whether there is work to do or not. */
const ANSWER_AFTER_MS = 150;

/** Mails a token to a known user; what is answered, and when, is the same for everybody. */
export async function requestPasswordReset(
  deps: Pick<Deps, "db" | "envelope" | "limits">,
  email: string,
  origin: Origin,
): Promise<{ ok: boolean }> {
  await spendOfAddress(deps.limits.resetRequestsOfAddress, origin);
  await spend(deps.limits.resetRequests, email);
  await Promise.all([mailToken(deps, email), delay(ANSWER_AFTER_MS)]);
  return { ok: true };
}

async function mailToken(deps: Pick<Deps, "db" | "envelope">, email: string): Promise<void> {
  const user = await findUserByEmail(deps.db, email);
  const { token, hash } = newToken("pwr_");
  const expiresAt = await resetTokenExpiry(deps.db);
  // Sealed for nobody too: the key provider may be far away, which would show.
  const mail = await sealEmail(deps.envelope, {
    tenantId: null,
    recipient: email,
    payload: { kind: "PASSWORD_RESET", token, name: user?.name ?? "", expiresAt: expiresAt.toISOString() },
  });
  if (user === undefined) return;
  await inTransaction(deps.db, { source: "auth-actions" }, async (tx) => {
    await closeResets(tx, user.id);
    await insertReset(tx, { userId: user.id, tokenHash: hash, expiresAt });
    await queueEmail(tx, mail);
    await writeAudit(tx, {
      tenantId: user.lastTenantId,
      action: "password.reset_requested",
      targetType: "users",
      targetId: user.id,
    });
  });
}

/**
 * Sets a new password by a mailed token, ends all sessions and revokes all access keys. Does not sign in.
 * Throws `RESET_TOKEN_INVALID` for a token that is unknown, used or expired, and `PASSWORD_REJECTED`, which leaves it open.
 */
export async function resetPassword(
  deps: Pick<Deps, "db" | "limits">,
  input: { token: string; newPassword: string },
  origin: Origin,
): Promise<{ ok: boolean }> {
  await spendOfAddress(deps.limits.mailedTokens, origin);
  const tokenHash = hashToken(input.token);
  const reset = await findOpenReset(deps.db, tokenHash);
  if (reset === undefined) throw tokenInvalid();
  const passwordHash = await hashPassword(acceptPassword(input.newPassword, reset.email));
  return inTransaction(deps.db, { source: "auth-actions", userId: reset.userId }, async (tx) => {
    if (!(await takeReset(tx, tokenHash))) throw tokenInvalid();
    await setPasswordHash(tx, reset.userId, passwordHash);
    await endSessions(tx, { userId: reset.userId }, "PASSWORD_CHANGED");
    await revokeAccessKeysOf(tx, { userId: reset.userId });
    await writeAudit(tx, {
      tenantId: reset.lastTenantId,
      action: "password.reset",
      targetType: "users",
      targetId: reset.userId,
    });
    return { ok: true };
  });
}

function tokenInvalid(): AppError {
  return new AppError("RESET_TOKEN_INVALID", "the reset token is unknown, used or expired");
}
