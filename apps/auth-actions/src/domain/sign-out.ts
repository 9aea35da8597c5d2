import { hashToken } from "@control-plane/crypto";
import { inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { endSessions, isSessionOf, listOpenSessions } from "../store/sessions.ts";
import { revokeAccessKeysOf } from "./access-keys.ts";

/** Ends the session of a refresh token, used up or not. A token nobody knows ends nothing. */
export async function logout(deps: Pick<Deps, "db">, refreshToken: string): Promise<{ ok: boolean }> {
  await inTransaction(deps.db, { source: "auth-actions" }, (tx) =>
    endSessions(tx, { refreshTokenHash: hashToken(refreshToken) }, "LOGOUT"),
  );
  return { ok: true };
}

/** Ends all sessions of the caller, in all tenants, and revokes his access keys. */
export async function logoutEverywhere(deps: Pick<Deps, "db">, caller: Caller): Promise<{ ended: number }> {
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    await revokeAccessKeysOf(tx, { userId: caller.userId });
    return { ended: await endSessions(tx, { userId: caller.userId }, "LOGOUT_EVERYWHERE") };
  });
}

export type OpenSession = {
  sessionId: string;
  tenantId: string;
  createdAt: string;
  lastUsedAt: string;
  ip: string | null;
  userAgent: string | null;
};

/** The caller's open sessions, in all tenants, latest use first. */
export async function mySessions(deps: Pick<Deps, "db">, caller: Caller): Promise<OpenSession[]> {
  const open = await listOpenSessions(deps.db, caller.userId);
  return open.map((session) => ({
    ...session,
    createdAt: session.createdAt.toISOString(),
    lastUsedAt: session.lastUsedAt.toISOString(),
  }));
}

/** Ends one of the caller's sessions; one that has ended stays so. Throws `NOT_FOUND` for those of others. */
export async function revokeSession(
  deps: Pick<Deps, "db">,
  caller: Caller,
  sessionId: string,
): Promise<{ ok: boolean }> {
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    if (!(await isSessionOf(tx, caller.userId, sessionId))) throw new AppError("NOT_FOUND", "there is no such session");
    await endSessions(tx, { sessionId, userId: caller.userId }, "REVOKED");
    return { ok: true };
  });
}
