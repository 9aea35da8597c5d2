import type { WrappedKey } from "@control-plane/crypto";
import { and, eq, isNull } from "drizzle-orm";
import type { Queryable } from "./client.ts";
import { dataKeys } from "./schema/internal.ts";

// What `createEnvelope` of crypto asks of a store. Null as tenant is the platform.

/** The key that new values of the tenant are sealed with. */
export async function findActiveDataKey(db: Queryable, tenantId: string | null): Promise<WrappedKey | undefined> {
  const ofTenant = tenantId === null ? isNull(dataKeys.tenantId) : eq(dataKeys.tenantId, tenantId);
  const [row] = await db
    .select()
    .from(dataKeys)
    .where(and(ofTenant, eq(dataKeys.state, "ACTIVE")));
  return row === undefined ? undefined : usable(row);
}

/** Any key that is not destroyed. */
export async function findDataKey(db: Queryable, id: string): Promise<WrappedKey | undefined> {
  const [row] = await db.select().from(dataKeys).where(eq(dataKeys.id, id));
  return row === undefined ? undefined : usable(row);
}

/** Adds the first key of a tenant; does nothing where somebody else was quicker: read back what is there. */
export async function insertDataKey(db: Queryable, key: WrappedKey): Promise<void> {
  await db.insert(dataKeys).values(key).onConflictDoNothing();
}

function usable(row: typeof dataKeys.$inferSelect): WrappedKey | undefined {
  if (row.wrappedKey === null) return undefined;
  return { id: row.id, tenantId: row.tenantId, kekId: row.kekId, wrappedKey: row.wrappedKey };
}
