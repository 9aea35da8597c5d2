import { queueRuns } from "@control-plane/runs";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { Deps } from "../deps.ts";

export type DispatchDeps = Pick<Deps, "db" | "requests" | "dispatchWindow" | "runMetrics" | "log">;

/**
 * Passes until nothing more is due or the window is full: rows become QUEUED, and after the commit their jobs are added. While Redis is away
 * nothing is taken and the rows stay PENDING; a job that could not be added is the sweeper's to add.
 */
export async function dispatchPass(deps: DispatchDeps): Promise<void> {
  for (;;) {
    await deps.requests.ping();
    deps.dispatchWindow.look();
    const window = deps.dispatchWindow.size();
    const pass = await queueRuns(deps.db, window);
    if (pass.outcome === "busy") return;
    const taken = { queuedBefore: pass.queuedBefore, queued: pass.queued.length, waiting: pass.waiting };
    deps.dispatchWindow.learn(taken);
    if (pass.queued.length > 0) {
      await failpoint("dispatch.after-commit");
      for (const { waitedSeconds } of pass.queued) deps.runMetrics.dispatchLag.observe(waitedSeconds);
      await deps.requests.publishMany(pass.queued.map(({ runId, attempt }) => ({ runId, attempt })));
      await failpoint("dispatch.after-add");
      deps.log.info({ queued: pass.queued.length, refused: pass.refused }, "runs queued");
    }
    if (!pass.more || taken.queuedBefore + taken.queued >= window) return;
  }
}
