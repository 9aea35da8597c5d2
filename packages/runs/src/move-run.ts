import { type Queryable, workflowRuns } from "@control-plane/db";
import { and, eq, sql } from "drizzle-orm";
import { backOffSeconds, endAttempt } from "./attempt-end.ts";
import type { RunError, RunStatus } from "./lifecycle.ts";
import { readRetryPolicy } from "./retry-policy.ts";
import type { LockedRun } from "./run-columns.ts";

/** What an attempt came to, as an event or the sweeper says it. */
export type AttemptResult =
  | { kind: "succeeded"; output: unknown }
  | { kind: "failed"; error: RunError & { retryAfterSeconds?: number | undefined }; cause: "reported" | "lease-lost" }
  | { kind: "cancelled" }
  | { kind: "timed-out" };

/**
 * Moves a locked run out of the state it is in, closes its steps and drops its lease, all in the caller's transaction. A
 * retryable failure with attempts left goes back to PENDING, unless somebody wants the run cancelled. Answers the new
 * status.
 */
export async function finishAttempt(tx: Queryable, run: LockedRun, result: AttemptResult): Promise<RunStatus> {
  const own = and(
    eq(workflowRuns.tenantId, run.tenantId),
    eq(workflowRuns.id, run.id),
    eq(workflowRuns.status, run.status),
    eq(workflowRuns.attempt, run.attempt),
  );
  const ended = { leaseExpiresAt: null, finishedAt: sql`now()` };
  switch (result.kind) {
    case "succeeded":
      await tx
        .update(workflowRuns)
        .set({ ...ended, status: "SUCCEEDED", output: result.output ?? null, error: null })
        .where(own);
      await endAttempt(tx, run, "NOT_REPORTED");
      return "SUCCEEDED";
    case "cancelled":
      await tx
        .update(workflowRuns)
        .set({ ...ended, status: "CANCELLED" })
        .where(own);
      await endAttempt(tx, run, "CANCELLED");
      return "CANCELLED";
    case "timed-out": {
      const code = run.startedAt === null ? "QUEUE_DEADLINE" : "RUN_DEADLINE";
      const error = { code, message: "the run's deadline passed", retryable: false };
      await tx
        .update(workflowRuns)
        .set({ ...ended, status: "TIMED_OUT", error })
        .where(own);
      await endAttempt(tx, run, "DEADLINE");
      return "TIMED_OUT";
    }
    case "failed":
      return failAttempt(tx, run, result, own, ended);
  }
}

async function failAttempt(
  tx: Queryable,
  run: LockedRun,
  { error, cause }: Extract<AttemptResult, { kind: "failed" }>,
  own: ReturnType<typeof and>,
  ended: object,
): Promise<RunStatus> {
  const stored = {
    code: error.code,
    message: error.message,
    ...(error.stepKey === undefined ? {} : { stepKey: error.stepKey }),
    retryable: error.retryable,
  };
  const end = cause === "lease-lost" ? "LEASE_LOST" : "NOT_REPORTED";
  if (run.status === "RUNNING" && error.retryable && run.attempt < run.maxAttempts) {
    const delay = backOffSeconds(await readRetryPolicy(tx, run), run.attempt, error.retryAfterSeconds);
    await tx
      .update(workflowRuns)
      .set({
        status: "PENDING",
        attempt: run.attempt + 1,
        leaseExpiresAt: null,
        error: stored,
        runAt: sql`now() + make_interval(secs => ${delay})`,
      })
      .where(own);
    await endAttempt(tx, run, end);
    return "PENDING";
  }
  await tx
    .update(workflowRuns)
    .set({ ...ended, status: "FAILED", error: stored })
    .where(own);
  await endAttempt(tx, run, end);
  return "FAILED";
}
