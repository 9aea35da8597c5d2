import { inTransaction, isRefusal, memberActor, type Transaction } from "@control-plane/db";
import type { Caller, MemberRole } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { lockMembership, lockMembershipOf, type Membership, setRemoved, setRole } from "../store/memberships.ts";
import { endSessions } from "../store/sessions.ts";
import { revokeAccessKeysOf } from "./access-keys.ts";

/**
 * Gives a member another role. An admin neither touches an owner nor makes one.
 * Throws `NOT_FOUND` for a former member too, `FORBIDDEN`, and `LAST_OWNER`.
 */
export async function changeMemberRole(
  deps: Pick<Deps, "db">,
  caller: Caller,
  { membershipId, role }: { membershipId: string; role: MemberRole },
): Promise<{ membershipId: string; role: MemberRole }> {
  return keepingAnOwner(deps, caller, async (tx) => {
    const member = requireMembership(await lockMembership(tx, caller.tenantId, membershipId));
    refuseAboveOwnRole(caller, member.role, role);
    await setRole(tx, caller.tenantId, membershipId, role);
    return { membershipId, role };
  });
}

/**
 * Ends a membership, with the member's sessions and access keys of this tenant.
 * Throws `NOT_FOUND` for a former member too, `FORBIDDEN` when an admin removes an owner, and `LAST_OWNER`.
 */
export async function removeMember(
  deps: Pick<Deps, "db">,
  caller: Caller,
  membershipId: string,
): Promise<{ ok: boolean }> {
  return keepingAnOwner(deps, caller, async (tx) => {
    const member = requireMembership(await lockMembership(tx, caller.tenantId, membershipId));
    refuseAboveOwnRole(caller, member.role);
    await endMembership(tx, caller.tenantId, member);
    return { ok: true };
  });
}

/** Ends the caller's own membership. Throws `LAST_OWNER`. */
export async function leaveTenant(deps: Pick<Deps, "db">, caller: Caller): Promise<{ ok: boolean }> {
  return keepingAnOwner(deps, caller, async (tx) => {
    await endMembership(
      tx,
      caller.tenantId,
      requireMembership(await lockMembershipOf(tx, caller.tenantId, caller.userId)),
    );
    return { ok: true };
  });
}

/** Whether a tenant still has an owner is judged at commit by the database, so two transactions cannot both be right. */
async function keepingAnOwner<T>(
  deps: Pick<Deps, "db">,
  caller: Caller,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(deps.db, memberActor("auth-actions", caller), work);
  } catch (error) {
    if (!isRefusal(error, "LAST_OWNER")) throw error;
    throw new AppError("LAST_OWNER", "a tenant keeps at least one owner", { cause: error });
  }
}

function requireMembership(membership: Membership | undefined): Membership {
  if (membership === undefined) throw new AppError("NOT_FOUND", "there is no such member");
  return membership;
}

function refuseAboveOwnRole(caller: Caller, ...roles: readonly MemberRole[]): void {
  if (caller.role !== "owner" && roles.includes("owner"))
    throw new AppError("FORBIDDEN", "only an owner decides about owners");
}

async function endMembership(tx: Transaction, tenantId: string, member: Membership): Promise<void> {
  await setRemoved(tx, tenantId, member.id);
  await revokeAccessKeysOf(tx, { userId: member.userId, tenantId });
  await endSessions(tx, { userId: member.userId, tenantId }, "MEMBERSHIP_REMOVED");
}
