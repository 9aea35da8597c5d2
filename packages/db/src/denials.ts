import { createRateWindow } from "@control-plane/service-kit/rate-window";
import { type ActingMember, type ActorSource, inTransaction, memberActor } from "./actor.ts";
import { writeAudit } from "./audit.ts";
import type { Database } from "./client.ts";

const PER_MINUTE_MAX = 60;

/**
 * Writes `<actionName>.denied` rows for callers who were refused with FORBIDDEN, in a transaction of its own; at most 60
 * per user and minute, so that a client gone wild does not fill the trail. The caller comes with the tenant and role that
 * his token names: he may have lost both since.
 */
export function createDenialLog(
  db: Database,
  source: ActorSource,
): (caller: ActingMember, actionName: string) => Promise<void> {
  const rows = createRateWindow(PER_MINUTE_MAX, 60_000);
  return async (caller, actionName) => {
    if (rows.take(caller.userId) !== undefined) return;
    await inTransaction(db, memberActor(source, caller), (tx) =>
      writeAudit(tx, {
        tenantId: caller.tenantId,
        action: `${actionName}.denied`,
        targetType: "hasura_actions",
        targetId: null,
        outcome: "DENIED",
      }),
    );
  };
}
