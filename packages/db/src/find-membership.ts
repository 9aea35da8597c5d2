import { and, eq } from "drizzle-orm";
import type { Queryable } from "./client.ts";
import type { memberRole } from "./schema/enums.ts";
import { memberships } from "./schema/tenancy.ts";

/** The live role of a user in a tenant; undefined for everybody who is not an ACTIVE member. Read anew each time. */
export async function findMembership(
  db: Queryable,
  tenantId: string,
  userId: string,
): Promise<{ role: (typeof memberRole.enumValues)[number] } | undefined> {
  const [membership] = await db
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId), eq(memberships.status, "ACTIVE")));
  return membership;
}
