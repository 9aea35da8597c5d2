import { memberships, type Queryable, tenants, users } from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { and, asc, eq } from "drizzle-orm";

export type UserWithPassword = { id: string; email: string; passwordHash: string; lastTenantId: string | null };
export type TenantMembership = { tenantId: string; slug: string; name: string; role: MemberRole };

/** E-mails are stored in lower case; the caller has lowered it. */
export async function findUserByEmail(db: Queryable, email: string): Promise<UserWithPassword | undefined> {
  const [user] = await db
    .select({ id: users.id, email: users.email, passwordHash: users.passwordHash, lastTenantId: users.lastTenantId })
    .from(users)
    .where(eq(users.email, email));
  return user;
}

/** The tenants a user may sign in to, oldest membership first. */
export async function listActiveMemberships(db: Queryable, userId: string): Promise<TenantMembership[]> {
  return db
    .select({ tenantId: tenants.id, slug: tenants.slug, name: tenants.name, role: memberships.role })
    .from(memberships)
    .innerJoin(tenants, eq(tenants.id, memberships.tenantId))
    .where(and(eq(memberships.userId, userId), eq(memberships.status, "ACTIVE")))
    .orderBy(asc(memberships.createdAt), asc(memberships.id));
}

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

/** Undefined when the e-mail is taken. */
export async function insertUser(
  tx: Queryable,
  user: { id: string; email: string; name: string; passwordHash: string },
): Promise<string | undefined> {
  const [row] = await tx
    .insert(users)
    .values(user)
    .onConflictDoNothing({ target: users.email })
    .returning({ id: users.id });
  return row?.id;
}

/** Undefined when the slug is taken. */
export async function insertTenant(
  tx: Queryable,
  tenant: { id: string; slug: string; name: string },
): Promise<string | undefined> {
  const [row] = await tx
    .insert(tenants)
    .values(tenant)
    .onConflictDoNothing({ target: tenants.slug })
    .returning({ id: tenants.id });
  return row?.id;
}

export async function insertOwner(tx: Queryable, tenantId: string, userId: string): Promise<void> {
  await tx.insert(memberships).values({ tenantId, userId, role: "owner" });
}

export async function setLastTenant(tx: Queryable, userId: string, tenantId: string): Promise<void> {
  await tx.update(users).set({ lastTenantId: tenantId }).where(eq(users.id, userId));
}

export async function setPasswordHash(tx: Queryable, userId: string, passwordHash: string): Promise<void> {
  await tx.update(users).set({ passwordHash }).where(eq(users.id, userId));
}
