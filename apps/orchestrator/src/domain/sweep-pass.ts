import { findQueuedTooLong, markRequeued, type QueuedAttempt, sweepRuns } from "@control-plane/runs";
import type { Deps } from "../deps.ts";

export type SweepDeps = Pick<Deps, "db" | "requests" | "sweep" | "dispatchSignal" | "runMetrics" | "log">;

/** Ends what ran out of time, and adds jobs that got lost. */
export async function sweepPass(deps: SweepDeps): Promise<void> {
  const swept = await sweepRuns(deps.db, deps.sweep);
  deps.runMetrics.leasesLapsed.inc(swept.lapsed);
  deps.runMetrics.deadLetters.inc({ kind: "RUN" }, swept.deadLettered);
  if (swept.timedOut + swept.cancelled + swept.lapsed > 0) {
    deps.log.info(swept, "runs swept");
    deps.dispatchSignal.wake();
  }
  await addLostJobs(deps);
}

/** Of one pass: what is left then is the next pass's. */
const LOOKS_MAX = 20;

/** Adds the jobs of QUEUED runs again that no runner will get otherwise. */
async function addLostJobs(deps: SweepDeps): Promise<void> {
  const seen: string[] = [];
  for (let looks = 1, full = true; full && looks <= LOOKS_MAX; looks++) {
    const runs = await findQueuedTooLong(deps.db, deps.sweep, seen);
    for (const run of runs) await addIfLost(deps, run);
    seen.push(...runs.map(({ runId }) => runId));
    full = runs.length === deps.sweep.batch;
  }
}

async function addIfLost(deps: SweepDeps, run: QueuedAttempt): Promise<void> {
  const job = { runId: run.runId, attempt: run.attempt };
  const place = await deps.requests.findJob(job);
  // Taken and not claimed: the runner is slow, or has died and its lock will lapse. The next pass looks again.
  if (place === "held") return;
  if (place === "lost") {
    // A job that ended without a claim still holds its id, which would swallow the new one.
    await deps.requests.remove(job);
    await deps.requests.publish(job);
    deps.log.warn({ runId: run.runId, tenantId: run.tenantId, attempt: run.attempt }, "a lost job was added again");
  }
  await markRequeued(deps.db, run);
}
