import { inLockedSession } from "@control-plane/db";
import { findFailedJobs, removeJob, runEvents } from "@control-plane/queue";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { insertRunEventLetter, letterIdOf } from "../store/dead-letters.ts";

export type BuryDeps = Pick<Deps, "db" | "eventJobs" | "runMetrics" | "log">;

const BATCH = 100;

const namesRunSchema = z.looseObject({ runId: z.uuid() });

/**
 * Jobs of `run-events` that failed for good become dead letters, unless they did already (those that cannot be read), and are
 * removed, so that the same batch is taken when it is sent again. One process at a time: another could remove what came under an
 * id after this one had emptied it.
 */
export async function buryFailedEvents({ db, eventJobs, runMetrics, log }: BuryDeps): Promise<void> {
  if ((await findFailedJobs(eventJobs, 1)).length === 0) return;
  await inLockedSession(db, `bury ${runEvents.name}`, async (session) => {
    for (const job of await findFailedJobs(eventJobs, BATCH)) {
      const runId = namesRunSchema.safeParse(job.data).data?.runId;
      const letter = {
        id: letterIdOf(job),
        tenantId: null,
        runId,
        reason: "EVENT_FAILED" as const,
        detail: `failed on all ${job.tries} tries`,
        data: job.data,
        attempts: job.tries,
      };
      const made = await session.inTransaction({ source: "orchestrator" }, (tx) => insertRunEventLetter(tx, letter));
      await removeJob(eventJobs, job.id);
      if (!made) continue;
      runMetrics.deadLetters.inc({ kind: "RUN_EVENT" });
      log.warn({ runId, jobId: job.id, tries: job.tries }, "run events that failed became a dead letter");
    }
  });
}
