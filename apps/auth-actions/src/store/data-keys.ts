import type { WrappedKey } from "@control-plane/crypto";
import { dataKeys, type Queryable } from "@control-plane/db";
import { and, asc, eq, gt, isNotNull, ne, type SQL, sql } from "drizzle-orm";
import { unused } from "./cipher-columns.ts";

export type DataKey = {
  id: string;
  tenantId: string | null;
  kekId: string;
  wrappedKey: Buffer | null;
  state: "ACTIVE" | "DECRYPT_ONLY" | "DESTROYED";
  createdAt: Date;
  stateChangedAt: Date;
};

const ofTenant = (tenantId: string | undefined): SQL | undefined =>
  tenantId === undefined ? undefined : eq(dataKeys.tenantId, tenantId);

export async function listDataKeys(db: Queryable, tenantId?: string): Promise<DataKey[]> {
  return db
    .select()
    .from(dataKeys)
    .where(ofTenant(tenantId))
    .orderBy(sql`${dataKeys.tenantId} nulls first`, asc(dataKeys.id));
}

/** Keys that are wrapped with another key-encryption key, by id, behind `after`. */
export async function findKeysWrappedOtherwise(
  db: Queryable,
  kekId: string,
  after: string | undefined,
): Promise<WrappedKey[]> {
  const rows = await db
    .select()
    .from(dataKeys)
    .where(
      and(
        ne(dataKeys.kekId, kekId),
        isNotNull(dataKeys.wrappedKey),
        after === undefined ? undefined : gt(dataKeys.id, after),
      ),
    )
    .orderBy(asc(dataKeys.id))
    .limit(100);
  return rows.flatMap((row) => (row.wrappedKey === null ? [] : [{ ...row, wrappedKey: row.wrappedKey }]));
}

/** False when somebody else changed the key meanwhile. */
export async function replaceWrapping(tx: Queryable, former: WrappedKey, present: WrappedKey): Promise<boolean> {
  const updated = await tx
    .update(dataKeys)
    .set({ kekId: present.kekId, wrappedKey: present.wrappedKey })
    .where(
      and(eq(dataKeys.id, former.id), eq(dataKeys.kekId, former.kekId), eq(dataKeys.wrappedKey, former.wrappedKey)),
    )
    .returning({ id: dataKeys.id });
  return updated.length > 0;
}

/**
 * When the rotation that is under way began: the first of its keys stopped being active. A former one that never came to
 * its end, because a value did not open, does not count for ever.
 */
export async function findRotationStart(db: Queryable, tenantId: string | undefined): Promise<Date | undefined> {
  const [row] = await db
    .select({ at: dataKeys.stateChangedAt })
    .from(dataKeys)
    .where(
      and(
        ofTenant(tenantId),
        eq(dataKeys.state, "DECRYPT_ONLY"),
        sql`${dataKeys.stateChangedAt} > now() - interval '1 day'`,
      ),
    )
    .orderBy(asc(dataKeys.stateChangedAt))
    .limit(1);
  return row?.at;
}

/** Active keys made before the moment, or all. */
export async function findActiveKeys(
  db: Queryable,
  tenantId: string | undefined,
  before: Date | undefined,
): Promise<DataKey[]> {
  return db
    .select()
    .from(dataKeys)
    .where(
      and(
        ofTenant(tenantId),
        eq(dataKeys.state, "ACTIVE"),
        before === undefined ? undefined : sql`${dataKeys.createdAt} < ${before.toISOString()}::timestamptz`,
      ),
    )
    .orderBy(asc(dataKeys.id));
}

/** The tenant seals with `present` from here on. False when `former` is not its active key any more. */
export async function succeedKey(tx: Queryable, former: DataKey, present: WrappedKey): Promise<boolean> {
  const demoted = await tx
    .update(dataKeys)
    .set({ state: "DECRYPT_ONLY", stateChangedAt: sql`now()` })
    .where(and(eq(dataKeys.id, former.id), eq(dataKeys.state, "ACTIVE")))
    .returning({ id: dataKeys.id });
  if (demoted.length === 0) return false;
  await tx.insert(dataKeys).values(present);
  return true;
}

/** Latest first, so that the rotation's start stays known until its last key goes. */
export async function findFormerKeys(db: Queryable, tenantId: string | undefined): Promise<DataKey[]> {
  return db
    .select()
    .from(dataKeys)
    .where(and(ofTenant(tenantId), eq(dataKeys.state, "DECRYPT_ONLY")))
    .orderBy(sql`${dataKeys.stateChangedAt} desc`);
}

/** Only a key that nobody has sealed with for so long and that no value anywhere needs. */
export async function destroyUnusedKey(tx: Queryable, id: string, restSeconds: number): Promise<boolean> {
  const destroyed = await tx
    .update(dataKeys)
    .set({ state: "DESTROYED", wrappedKey: null, stateChangedAt: sql`now()` })
    .where(
      and(
        eq(dataKeys.id, id),
        eq(dataKeys.state, "DECRYPT_ONLY"),
        sql`${dataKeys.stateChangedAt} <= now() - make_interval(secs => ${restSeconds})`,
        unused(sql`${dataKeys.id}`),
      ),
    )
    .returning({ id: dataKeys.id });
  return destroyed.length > 0;
}
