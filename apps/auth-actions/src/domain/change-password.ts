import { hashToken } from "@control-plane/crypto";
import { inTransaction, memberActor, writeAudit } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { findUserById, replacePassword } from "../store/accounts.ts";
import { closeResets } from "../store/password-resets.ts";
import { endSessions } from "../store/sessions.ts";
import { spendOnFailure } from "./limits.ts";
import { acceptPassword } from "./password-policy.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";

export type PasswordChange = { currentPassword: string; newPassword: string; refreshToken?: string | undefined };

/**
 * Ends all the caller's sessions but the one of `refreshToken`.
 * Throws `INVALID_CREDENTIALS` for a wrong current password, and `PASSWORD_REJECTED`.
 */
export async function changePassword(
  deps: Pick<Deps, "db" | "limits">,
  caller: Caller,
  input: PasswordChange,
): Promise<{ ok: boolean }> {
  const window = deps.limits.passwordChangeFailures;
  return spendOnFailure(window, caller.userId, "INVALID_CREDENTIALS", async () => {
    const user = await findUserById(deps.db, caller.userId);
    if (user === undefined || !(await verifyPassword(user.passwordHash, input.currentPassword.normalize("NFKC"))))
      throw wrongPassword();
    const after = await hashPassword(acceptPassword(input.newPassword, user.email));
    return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
      if (!(await replacePassword(tx, user.id, { before: user.passwordHash, after }))) throw wrongPassword();
      await closeResets(tx, user.id);
      const kept = input.refreshToken === undefined ? undefined : hashToken(input.refreshToken);
      await endSessions(tx, { userId: user.id, exceptRefreshTokenHash: kept }, "PASSWORD_CHANGED");
      await writeAudit(tx, {
        tenantId: caller.tenantId,
        action: "password.changed",
        targetType: "users",
        targetId: user.id,
      });
      return { ok: true };
    });
  });
}

function wrongPassword(): AppError {
  return new AppError("INVALID_CREDENTIALS", "the current password is wrong");
}
