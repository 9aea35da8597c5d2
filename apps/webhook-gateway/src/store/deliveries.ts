import { type Queryable, webhookDeliveries } from "@control-plane/db";
import { and, eq } from "drizzle-orm";

/** Undefined when the tenant has no such delivery. */
export async function findStoredBody(
  db: Queryable,
  tenantId: string,
  deliveryId: string,
): Promise<{ bodyCipher: Buffer; bodyHash: Buffer; contentType: string | null } | undefined> {
  const [row] = await db
    .select({
      bodyCipher: webhookDeliveries.bodyCipher,
      bodyHash: webhookDeliveries.bodyHash,
      contentType: webhookDeliveries.contentType,
    })
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.tenantId, tenantId), eq(webhookDeliveries.id, deliveryId)));
  return row;
}
