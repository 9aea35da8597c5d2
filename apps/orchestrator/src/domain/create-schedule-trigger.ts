import { type Database, inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { databaseNow, insertSchedule, type NewSchedule, setNextFire } from "../store/schedules.ts";
import { fireTimes, type ShownSchedule, showSchedule } from "./shown-fires.ts";

/** Lets a schedule start a workflow. Throws `NOT_FOUND` (workflow, or archived), `BAD_INPUT` (see `fireTimes`). */
export async function createScheduleTrigger(db: Database, caller: Caller, wanted: NewSchedule): Promise<ShownSchedule> {
  return inTransaction(db, memberActor("orchestrator", caller), async (tx) => {
    const fires = fireTimes(wanted.cron, wanted.timezone, await databaseNow(tx));
    const triggerId = await insertSchedule(tx, caller, wanted);
    if (triggerId === undefined) throw new AppError("NOT_FOUND", "there is no such workflow");
    // Here and not by the next pass, so that the first fire that was shown is made, however soon it is.
    await setNextFire(tx, caller.tenantId, triggerId, fires[0]);
    return showSchedule(triggerId, fires);
  });
}
