import { accessKeys, memberships, type Queryable } from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { and, desc, eq, gt, isNull, sql } from "drizzle-orm";

/** Keys that work: neither revoked nor expired. */
const isLive = () => and(isNull(accessKeys.revokedAt), gt(accessKeys.expiresAt, sql`now()`));

export async function countLiveKeys(tx: Queryable, tenantId: string, userId: string): Promise<number> {
  return tx.$count(accessKeys, and(eq(accessKeys.tenantId, tenantId), eq(accessKeys.userId, userId), isLive()));
}

export async function insertKey(
  tx: Queryable,
  key: { tenantId: string; userId: string; name: string; prefix: string; keyHash: Buffer; days: number },
): Promise<{ keyId: string; expiresAt: Date }> {
  const { days, ...values } = key;
  const [row] = await tx
    .insert(accessKeys)
    .values({ ...values, expiresAt: sql`now() + make_interval(days => ${days})` })
    .returning({ keyId: accessKeys.id, expiresAt: accessKeys.expiresAt });
  if (row === undefined) throw new Error("the access key was not inserted");
  return row;
}

const LISTED_MAX = 500;

/** Of a member, or of the whole tenant; newest first, with those that do not work any more. */
export async function listKeys(db: Queryable, tenantId: string, userId: string | undefined) {
  return db
    .select({
      keyId: accessKeys.id,
      userId: accessKeys.userId,
      name: accessKeys.name,
      prefix: accessKeys.prefix,
      createdAt: accessKeys.createdAt,
      expiresAt: accessKeys.expiresAt,
      lastUsedAt: accessKeys.lastUsedAt,
      revokedAt: accessKeys.revokedAt,
    })
    .from(accessKeys)
    .where(and(eq(accessKeys.tenantId, tenantId), userId === undefined ? undefined : eq(accessKeys.userId, userId)))
    .orderBy(desc(accessKeys.id))
    .limit(LISTED_MAX);
}

/** Whose key it is; undefined when it is not the tenant's. */
export async function findKeyHolder(tx: Queryable, tenantId: string, keyId: string): Promise<string | undefined> {
  const [key] = await tx
    .select({ userId: accessKeys.userId })
    .from(accessKeys)
    .where(and(eq(accessKeys.tenantId, tenantId), eq(accessKeys.id, keyId)));
  return key?.userId;
}

/** Revokes what is still live, with a row of the trail for each. Without `tenantId`: in all tenants. */
export async function revokeLiveKeys(
  tx: Queryable,
  which: { userId: string; tenantId: string | undefined } | { keyId: string; tenantId: string },
): Promise<void> {
  await tx.execute(sql`
    with revoked as (
      update internal.access_keys set revoked_at = now()
       where revoked_at is null and expires_at > now()
         and ${and(
           "keyId" in which ? eq(accessKeys.id, which.keyId) : eq(accessKeys.userId, which.userId),
           which.tenantId === undefined ? undefined : eq(accessKeys.tenantId, which.tenantId),
         )}
      returning tenant_id, id)
    select internal.write_audit(tenant_id, 'access_key.revoked', 'access_keys', id) from revoked`);
}

export type KeyHolder = { keyId: string; userId: string; tenantId: string; role: MemberRole };

/** For whom a key acts: a live key of an ACTIVE member, else nobody. */
export async function findHolderByHash(db: Queryable, keyHash: Buffer): Promise<KeyHolder | undefined> {
  const [holder] = await db
    .select({
      keyId: accessKeys.id,
      userId: memberships.userId,
      tenantId: memberships.tenantId,
      role: memberships.role,
    })
    .from(accessKeys)
    .innerJoin(
      memberships,
      and(
        eq(memberships.tenantId, accessKeys.tenantId),
        eq(memberships.userId, accessKeys.userId),
        eq(memberships.status, "ACTIVE"),
      ),
    )
    .where(and(eq(accessKeys.keyHash, keyHash), isLive()));
  return holder;
}

/** Notes the use, once a minute; the trail hears of the first in each hour. */
export async function noteKeyUse(tx: Queryable, keyId: string, ip: string | undefined): Promise<void> {
  await tx.execute(sql`
    with used as (
      update internal.access_keys k set last_used_at = now(), last_used_ip = ${ip ?? null}::inet
        from internal.access_keys before
       where k.id = ${keyId}::uuid and before.id = k.id
         and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
      returning k.tenant_id, k.id, before.last_used_at as before)
    select internal.write_audit(tenant_id, 'access_key.used', 'access_keys', id) from used
     where before is null or date_trunc('hour', before) < date_trunc('hour', now())`);
}
