import { findQueuedTooLong, markRequeued, sweepRuns } from "@control-plane/runs";
import type { Deps } from "../deps.ts";

/** Ends what ran out of time, and adds jobs that got lost. */
export async function sweepPass(
  deps: Pick<Deps, "db" | "requests" | "sweep" | "wakeDispatcher" | "runMetrics" | "log">,
): Promise<void> {
  const swept = await sweepRuns(deps.db, deps.sweep);
  deps.runMetrics.leasesLapsed.inc(swept.lapsed);
  deps.runMetrics.deadLetters.inc({ kind: "RUN" }, swept.deadLettered);
  if (swept.timedOut + swept.cancelled + swept.lapsed > 0) {
    deps.log.info(swept, "runs swept");
    deps.wakeDispatcher();
  }
  for (const run of await findQueuedTooLong(deps.db, deps.sweep)) {
    const job = { runId: run.runId, attempt: run.attempt };
    if (await deps.requests.isWaiting(job)) {
      await markRequeued(deps.db, run);
      continue;
    }
    // A job that ended without a claim still holds its id, which would swallow the new one.
    await deps.requests.remove(job);
    await deps.requests.publish(job);
    await markRequeued(deps.db, run);
    deps.log.warn({ runId: run.runId, tenantId: run.tenantId, attempt: run.attempt }, "a lost job was added again");
  }
}
