import { hashToken, newToken } from "@control-plane/crypto";
import { inTransaction, memberActor, type Transaction, writeAudit } from "@control-plane/db";
import { type Caller, MEMBER_ROLES } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import {
  countLiveKeys,
  findHolderByHash,
  findKeyHolder,
  insertKey,
  listKeys,
  noteKeyUse,
  revokeLiveKeys,
} from "../store/access-keys.ts";
import { lockMembershipOf } from "../store/memberships.ts";
import { spend, spendOnFailure } from "./limits.ts";
import type { Origin } from "./sessions.ts";

const LIVE_KEYS_MAX = 20;
/** `ak_` and five of 43 characters: enough to recognise a key by. */
const PREFIX_LENGTH = 8;

/** Makes a key for the caller himself; it is shown this once. Throws `CONFLICT` for the 21st live one. */
export async function createAccessKey(
  deps: Pick<Deps, "db">,
  caller: Caller,
  { name, expiresInDays }: { name: string; expiresInDays: number },
): Promise<{ keyId: string; key: string; expiresAt: string }> {
  const { token, hash } = newToken("ak_");
  const { tenantId, userId } = caller;
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    // Held, so that keys are counted one after the other and none appears behind the end of a membership.
    if ((await lockMembershipOf(tx, tenantId, userId)) === undefined)
      throw new AppError("FORBIDDEN", "not a member of this tenant");
    if ((await countLiveKeys(tx, tenantId, userId)) >= LIVE_KEYS_MAX)
      throw new AppError("CONFLICT", `a member has at most ${LIVE_KEYS_MAX} access keys; revoke one`);
    const prefix = token.slice(0, PREFIX_LENGTH);
    const made = await insertKey(tx, { tenantId, userId, name, prefix, keyHash: hash, days: expiresInDays });
    const expiresAt = made.expiresAt.toISOString();
    await writeAudit(tx, {
      tenantId,
      action: "access_key.created",
      targetType: "access_keys",
      targetId: made.keyId,
      changes: { name, expiresAt },
    });
    return { keyId: made.keyId, key: token, expiresAt };
  });
}

export type AccessKey = {
  keyId: string;
  userId: string;
  name: string;
  prefix: string;
  createdAt: string;
  expiresAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
};

/** The caller's keys, or with `all` the tenant's, newest first. Throws `FORBIDDEN` when a builder or viewer asks for all. */
export async function listAccessKeys(deps: Pick<Deps, "db">, caller: Caller, all: boolean): Promise<AccessKey[]> {
  if (all && !managesKeys(caller)) throw new AppError("FORBIDDEN", `the role ${caller.role} sees its own keys only`);
  const keys = await listKeys(deps.db, caller.tenantId, all ? undefined : caller.userId);
  return keys.map((key) => ({
    ...key,
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt.toISOString(),
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  }));
}

/** Owners and admins revoke anybody's, others their own; once is enough. Throws `NOT_FOUND`. */
export async function revokeAccessKey(deps: Pick<Deps, "db">, caller: Caller, keyId: string): Promise<{ ok: boolean }> {
  const { tenantId } = caller;
  return inTransaction(deps.db, memberActor("auth-actions", caller), async (tx) => {
    const holder = await findKeyHolder(tx, tenantId, keyId);
    if (holder === undefined || (holder !== caller.userId && !managesKeys(caller)))
      throw new AppError("NOT_FOUND", "there is no such access key");
    await revokeLiveKeys(tx, { keyId, tenantId });
    return { ok: true };
  });
}

function managesKeys({ role }: Caller): boolean {
  return role === "owner" || role === "admin";
}

/**
 * A key never outlives what it stands for. Call it in the transaction that ends a membership (with `tenantId`), or a user's
 * sign-ins everywhere (without).
 */
export async function revokeAccessKeysOf(
  tx: Transaction,
  member: { userId: string; tenantId?: string | undefined },
): Promise<void> {
  await revokeLiveKeys(tx, { userId: member.userId, tenantId: member.tenantId });
}

/** What POST /auth/token answers. */
export const boughtTokenSchema = z.object({
  accessToken: z.string(),
  accessTokenExpiresAt: z.iso.datetime(),
  tenantId: z.uuid(),
  role: z.enum(MEMBER_ROLES),
});
export type BoughtToken = z.infer<typeof boughtTokenSchema>;

/**
 * An access token for a key, in the holder's present role. Throws `UNAUTHENTICATED`, whatever is wrong with the key: it is
 * unknown, revoked, expired, or its membership has ended.
 */
export async function buyToken(
  deps: Pick<Deps, "db" | "issueAccessToken" | "limits">,
  key: string,
  origin: Origin,
): Promise<BoughtToken> {
  const keyHash = hashToken(key);
  const address = origin.ip ?? "unknown";
  return spendOnFailure(deps.limits.keyFailures, address, "UNAUTHENTICATED", async () => {
    await spend(deps.limits.keyUses, keyHash.toString("base64"));
    const holder = await findHolderByHash(deps.db, keyHash);
    if (holder === undefined) throw new AppError("UNAUTHENTICATED", "the access key is not valid");
    const { keyId, userId, tenantId, role } = holder;
    const actor = memberActor("auth-actions", { userId, tenantId, role, tokenSource: "access-key" });
    await inTransaction(deps.db, actor, (tx) => noteKeyUse(tx, keyId, origin.ip));
    const { token, expiresAt } = deps.issueAccessToken({ userId, tenantId, role, tokenSource: "access-key" });
    return { accessToken: token, accessTokenExpiresAt: expiresAt.toISOString(), tenantId, role };
  });
}
