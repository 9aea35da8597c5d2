import { hashToken, newToken } from "@control-plane/crypto";
import { findMembership, inTransaction, memberActor, type Transaction, writeAudit } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { setLastTenant } from "../store/accounts.ts";
import { lockPresentedToken, type PresentedToken, type Rotated, rotate } from "../store/refresh-tokens.ts";
import { endSessions } from "../store/sessions.ts";
import { spendOfAddress } from "./limits.ts";
import type { AuthPayload, Origin } from "./sessions.ts";

type RefreshDeps = Pick<Deps, "db" | "issueAccessToken" | "limits" | "takeTurns">;
type Continued = { userId: string; tenantId: string } & Extract<Rotated, { outcome: "rotated" }>;

/**
 * A new pair of tokens for a refresh token, which is used up by it. For 30 s it may be presented again, by up to 50 in
 * all: they become one family. Presented later, it was stolen or copied, and the whole session ends.
 * Throws `SESSION_EXPIRED`, whatever is wrong with the token or its session.
 */
export async function refreshSession(deps: RefreshDeps, refreshToken: string, origin: Origin): Promise<AuthPayload> {
  await spendOfAddress(deps.limits.refreshes, origin);
  return continueSession(deps, refreshToken, (work) => inTransaction(deps.db, { source: "auth-actions" }, work));
}

/**
 * Refreshes and moves the session to another tenant of the caller.
 * Throws `SESSION_EXPIRED` like refreshing does, also for a token of somebody else, and `NOT_FOUND` where the caller is no
 * ACTIVE member; then the token is not used up.
 */
export async function switchTenant(
  deps: RefreshDeps,
  caller: Caller,
  { tenantId, refreshToken }: { tenantId: string; refreshToken: string },
  origin: Origin,
): Promise<AuthPayload> {
  await spendOfAddress(deps.limits.refreshes, origin);
  return continueSession(
    deps,
    refreshToken,
    (work) => inTransaction(deps.db, memberActor("auth-actions", caller), work),
    { userId: caller.userId, tenantId },
  );
}

async function continueSession(
  deps: RefreshDeps,
  refreshToken: string,
  transaction: <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>,
  move?: { userId: string; tenantId: string },
): Promise<AuthPayload> {
  const tokenHash = hashToken(refreshToken);
  const child = newToken("rt_");
  const continued = await deps.takeTurns(tokenHash.toString("base64"), () =>
    transaction(async (tx) => {
      if (move !== undefined && (await findMembership(tx, move.tenantId, move.userId)) === undefined)
        throw noSuchTenant();
      const token = await lockPresentedToken(tx, tokenHash);
      if (token === undefined || (move !== undefined && token.userId !== move.userId)) return undefined;
      return useToken(tx, token, child.hash, move);
    }),
  );
  // Refused only now: a transaction that fails would not keep the end of the session.
  if (continued === undefined) throw new AppError("SESSION_EXPIRED", "sign in again");
  const { userId, tenantId, role, tenants } = continued;
  const access = deps.issueAccessToken({ userId, tenantId, role });
  return {
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt.toISOString(),
    refreshToken: child.token,
    refreshTokenExpiresAt: continued.expiresAt.toISOString(),
    userId,
    tenantId,
    role,
    tenants,
  };
}

async function useToken(
  tx: Transaction,
  token: PresentedToken,
  childHash: Buffer,
  move: { tenantId: string } | undefined,
): Promise<Continued | undefined> {
  if (token.state === "EXPIRED") return undefined;
  if (token.state === "REUSED") return endReused(tx, token);
  const tenantId = move?.tenantId ?? token.tenantId;
  const rotated = await rotate(tx, token, childHash, tenantId);
  switch (rotated.outcome) {
    case "rotated":
      if (move !== undefined) await setLastTenant(tx, token.userId, tenantId);
      return { userId: token.userId, tenantId, ...rotated };
    case "too many children":
      return endReused(tx, token);
    case "not a member":
      if (move !== undefined) throw noSuchTenant();
      await endSessions(tx, { sessionId: token.sessionId }, "MEMBERSHIP_REMOVED");
      return undefined;
    default:
      return rotated satisfies never;
  }
}

function noSuchTenant(): AppError {
  return new AppError("NOT_FOUND", "there is no such tenant");
}

async function endReused(tx: Transaction, token: PresentedToken): Promise<undefined> {
  await endSessions(tx, { sessionId: token.sessionId }, "REUSE");
  await writeAudit(tx, {
    tenantId: token.tenantId,
    action: "session.reuse_detected",
    targetType: "sessions",
    targetId: token.sessionId,
    changes: { userId: token.userId },
  });
  return undefined;
}
