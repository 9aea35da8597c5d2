import { type Database, memberships, type Queryable, tenants, users } from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { and, eq, type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { z } from "zod";

export type UserWithPassword = {
  id: string;
  email: string;
  name: string;
  passwordHash: string;
  lastTenantId: string | null;
};

const userWithPassword = {
  id: users.id,
  email: users.email,
  name: users.name,
  passwordHash: users.passwordHash,
  lastTenantId: users.lastTenantId,
};
export type TenantMembership = { tenantId: string; slug: string; name: string; role: MemberRole };

/** E-mails are stored in lower case; the caller has lowered it. */
export async function findUserByEmail(db: Database, email: string): Promise<UserWithPassword | undefined> {
  const { rows } = await db.$client.query<UserWithPassword>({
    name: "find_user_by_email",
    text: `select id, email, name, password_hash as "passwordHash", last_tenant_id as "lastTenantId"
             from users where email = $1`,
    values: [email],
  });
  return rows[0];
}

export async function findUserById(db: Queryable, userId: string): Promise<UserWithPassword | undefined> {
  const [user] = await db.select(userWithPassword).from(users).where(eq(users.id, userId));
  return user;
}

export const tenantsSchema = z.array(
  z.object({
    tenantId: z.uuid(),
    slug: z.string(),
    name: z.string(),
    role: z.enum(["owner", "admin", "builder", "viewer"]),
  }),
) satisfies z.ZodType<TenantMembership[]>;

/** The tenants a user may sign in to, oldest membership first, as one JSON value; of a user's id or its placeholder. */
export function tenantsOfUser(userId: unknown): SQL {
  return sql`(
    select coalesce(jsonb_agg(jsonb_build_object('tenantId', t.id, 'slug', t.slug, 'name', t.name, 'role', m.role)
             order by m.created_at, m.id), '[]')
      from memberships m join tenants t on t.id = m.tenant_id
     where m.user_id = ${userId}::uuid and m.status = 'ACTIVE')`;
}

export type SigningIn = UserWithPassword & {
  /** Those he may sign in to, oldest membership first. */
  readonly tenants: readonly TenantMembership[];
};

/** Both in one statement. E-mails are stored in lower case; the caller has lowered it. */
export async function findSigningIn(db: Database, email: string): Promise<SigningIn | undefined> {
  const { rows } = await db.$client.query<SigningIn>({ name: "find_signing_in", text: SIGNING_IN, values: [email] });
  return rows[0];
}

const { sql: SIGNING_IN } = new PgDialect().sqlToQuery(sql`
  select id, email, name, password_hash as "passwordHash", last_tenant_id as "lastTenantId",
         ${tenantsOfUser(sql`users.id`)} as tenants
    from users where email = ${sql.placeholder("email")}`);

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

export async function findUserEmail(db: Queryable, userId: string): Promise<string | undefined> {
  const [user] = await db.select({ email: users.email }).from(users).where(eq(users.id, userId));
  return user?.email;
}

/** A password that its owner chose. False when it is not `before` any more, so that of two changes only one happens. */
export async function replacePassword(
  tx: Queryable,
  userId: string,
  { before, after }: { before: string; after: string },
): Promise<boolean> {
  const changed = await tx
    .update(users)
    .set({ passwordHash: after, passwordChangedAt: sql`now()` })
    .where(and(eq(users.id, userId), eq(users.passwordHash, before)))
    .returning({ id: users.id });
  return changed.length === 1;
}
