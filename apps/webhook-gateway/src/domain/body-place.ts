import type { Place } from "@control-plane/crypto";

/** Where a delivery's body is sealed for; it opens nowhere else. */
export function bodyPlace(tenantId: string, deliveryId: string): Place {
  return { tenantId, table: "webhook_deliveries", rowId: deliveryId, column: "body_cipher" };
}
