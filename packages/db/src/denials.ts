import { type Actor, type ActorSource, inTransaction } from "./actor.ts";
import { writeAudit } from "./audit.ts";
import type { Database } from "./client.ts";

const PER_MINUTE_MAX = 60;

/** Who was refused, and a tenant he is a member of. */
export type DeniedCaller = {
  readonly userId: string;
  readonly tenantId: string;
  readonly role: NonNullable<Actor["role"]>;
  readonly requestId: string;
};

/**
 * Writes `<actionName>.denied` rows for callers who were refused with FORBIDDEN, in a transaction of its own; at most 60
 * per user and minute, so that a client gone wild does not fill the trail.
 */
export function createDenialLog(
  db: Database,
  source: ActorSource,
  now: () => number = Date.now,
): (caller: DeniedCaller, actionName: string) => Promise<void> {
  let minute = 0;
  const counts = new Map<string, number>();
  return async (caller, actionName) => {
    const present = Math.floor(now() / 60_000);
    if (present !== minute) counts.clear();
    minute = present;
    const count = (counts.get(caller.userId) ?? 0) + 1;
    counts.set(caller.userId, count);
    if (count > PER_MINUTE_MAX) return;
    await inTransaction(db, { source, ...caller }, (tx) =>
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
