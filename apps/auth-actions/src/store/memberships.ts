import { memberships, type Queryable } from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { and, eq, sql } from "drizzle-orm";

export type Membership = { id: string; userId: string; role: MemberRole };

/** An ACTIVE membership of the tenant, kept from changing until the transaction ends. */
export async function lockMembership(
  tx: Queryable,
  tenantId: string,
  membershipId: string,
): Promise<Membership | undefined> {
  const [membership] = await tx
    .select({ id: memberships.id, userId: memberships.userId, role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.id, membershipId), eq(memberships.status, "ACTIVE")))
    .for("no key update");
  return membership;
}

/** The same, by the user. */
export async function lockMembershipOf(
  tx: Queryable,
  tenantId: string,
  userId: string,
): Promise<Membership | undefined> {
  const [membership] = await tx
    .select({ id: memberships.id, userId: memberships.userId, role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId), eq(memberships.status, "ACTIVE")))
    .for("no key update");
  return membership;
}

export async function setRole(tx: Queryable, tenantId: string, membershipId: string, role: MemberRole): Promise<void> {
  await tx
    .update(memberships)
    .set({ role })
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.id, membershipId), eq(memberships.status, "ACTIVE")));
}

export async function setRemoved(tx: Queryable, tenantId: string, membershipId: string): Promise<void> {
  await tx
    .update(memberships)
    .set({ status: "REMOVED", removedAt: sql`now()` })
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.id, membershipId), eq(memberships.status, "ACTIVE")));
}

/** Adds a member, or takes a former one back with the role given. Somebody who is a member keeps his role. */
export async function joinTenant(
  tx: Queryable,
  { tenantId, userId, role }: { tenantId: string; userId: string; role: MemberRole },
): Promise<void> {
  await tx
    .insert(memberships)
    .values({ tenantId, userId, role })
    .onConflictDoUpdate({
      target: [memberships.tenantId, memberships.userId],
      set: { role, status: "ACTIVE", removedAt: null },
      setWhere: eq(memberships.status, "REMOVED"),
    });
}
