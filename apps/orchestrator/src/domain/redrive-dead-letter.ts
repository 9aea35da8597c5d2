import { type Database, inTransaction, memberActor, type Transaction } from "@control-plane/db";
import { retryWithin } from "@control-plane/runs";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { closeLetter, lockOpenLetter, type OpenLetter } from "../store/dead-letters.ts";
import { queueEmailAgain } from "../store/emails.ts";

/**
 * Does once more what the system gave up on, and closes the letter with it. The id of the new run, where one was made.
 * Throws `NOT_FOUND`, `CONFLICT` for a letter that is closed or cannot be done again, `WORKFLOW_NOT_PUBLISHED`.
 */
export async function redriveDeadLetter(
  db: Database,
  caller: Caller,
  letterId: string,
  traceparent: string | undefined,
): Promise<string | undefined> {
  return inTransaction(db, memberActor("orchestrator", caller), async (tx) => {
    const letter = await lockOpenLetter(tx, caller.tenantId, letterId);
    const runId = await doAgain(tx, caller, letter, traceparent);
    await closeLetter(tx, caller, letter.id, "REDRIVEN");
    return runId;
  });
}

async function doAgain(
  tx: Transaction,
  caller: Caller,
  { kind, referenceId }: OpenLetter,
  traceparent: string | undefined,
): Promise<string | undefined> {
  switch (kind) {
    case "RUN":
      if (referenceId === null) throw new AppError("CONFLICT", "the letter names no run; discard it");
      return retryWithin(tx, caller, referenceId, { from: "START", version: "ORIGINAL", traceparent });
    case "EMAIL":
      if (referenceId === null || !(await queueEmailAgain(tx, caller.tenantId, referenceId)))
        throw new AppError(
          "CONFLICT",
          "the mail is not there any more; send the invitation again, discard this letter",
        );
      return undefined;
    case "RUN_EVENT":
      throw new AppError("CONFLICT", "events of a runner cannot be taken again; look at the letter and discard it");
    default:
      return kind satisfies never;
  }
}
