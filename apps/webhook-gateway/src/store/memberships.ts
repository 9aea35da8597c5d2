import { memberships, type Queryable } from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { and, eq } from "drizzle-orm";

/** The live role of a user in a tenant; undefined for everybody who is not an ACTIVE member. */
export async function findMembership(
  db: Queryable,
  tenantId: string,
  userId: string,
): Promise<{ role: MemberRole } | undefined> {
  const [membership] = await db
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId), eq(memberships.status, "ACTIVE")));
  return membership;
}
