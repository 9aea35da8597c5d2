import { type Database, inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { closeLetter, lockOpenLetter } from "../store/dead-letters.ts";

/** Closes a letter that nothing more is to be done about. Throws `NOT_FOUND`, `CONFLICT`. */
export async function discardDeadLetter(db: Database, caller: Caller, letterId: string): Promise<void> {
  await inTransaction(db, memberActor("orchestrator", caller), async (tx) => {
    const letter = await lockOpenLetter(tx, caller.tenantId, letterId);
    await closeLetter(tx, caller, letter.id, "DISCARDED");
  });
}
