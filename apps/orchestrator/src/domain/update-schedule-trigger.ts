import { type Database, inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { databaseNow, lockSchedule, setNextFire, updateSchedule } from "../store/schedules.ts";
import { fireTimes, type ShownSchedule, showSchedule } from "./shown-fires.ts";

export type ScheduleChange = {
  triggerId: string;
  /** Undefined = as it is, like all below. */
  cron: string | undefined;
  timezone: string | undefined;
  overlapPolicy: "ALLOW" | "SKIP" | undefined;
  catchUpPolicy: "LAST" | "NONE" | undefined;
};

/**
 * Changes when and how a schedule fires; without any change it only shows the next fires. Throws `NOT_FOUND` (no schedule
 * trigger of the tenant), `BAD_INPUT` (see `fireTimes`).
 */
export async function updateScheduleTrigger(
  db: Database,
  caller: Caller,
  change: ScheduleChange,
): Promise<ShownSchedule> {
  const { triggerId, ...wanted } = change;
  return inTransaction(db, memberActor("orchestrator", caller), async (tx) => {
    const present = await lockSchedule(tx, caller.tenantId, triggerId);
    if (present === undefined) throw new AppError("NOT_FOUND", "there is no such schedule");
    const { cron = present.cron, timezone = present.timezone } = wanted;
    const fires = fireTimes(cron, timezone, await databaseNow(tx));
    if (Object.values(wanted).some((value) => value !== undefined)) {
      await updateSchedule(tx, caller.tenantId, triggerId, wanted);
      await setNextFire(tx, caller.tenantId, triggerId, fires[0]);
    }
    return showSchedule(triggerId, fires);
  });
}
