import { queueRuns } from "@control-plane/runs";
import type { Deps } from "../deps.ts";

/**
 * Passes until nothing more is due: rows become QUEUED, and after the commit their jobs are added. While Redis is away
 * nothing is taken and the rows stay PENDING; a job that could not be added is the sweeper's to add.
 */
export async function dispatchPass(
  deps: Pick<Deps, "db" | "requests" | "dispatchWindow" | "runMetrics" | "log">,
): Promise<void> {
  for (;;) {
    await deps.requests.ping();
    const pass = await queueRuns(deps.db, deps.dispatchWindow);
    if (pass.outcome === "busy") return;
    if (pass.queued.length > 0) {
      for (const { waitedSeconds } of pass.queued) deps.runMetrics.dispatchLag.observe(waitedSeconds);
      await deps.requests.publishMany(pass.queued.map(({ runId, attempt }) => ({ runId, attempt })));
      deps.log.info({ queued: pass.queued.length, refused: pass.refused }, "runs queued");
    }
    if (!pass.more) return;
  }
}
