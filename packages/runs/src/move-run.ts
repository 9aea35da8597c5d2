import { type Queryable, workflowRuns } from "@control-plane/db";
import { and, eq, sql } from "drizzle-orm";
import { endAttempt } from "./attempt-end.ts";
import { isTerminal, MAY_BECOME, type RunError, type RunStatus } from "./lifecycle.ts";
import { backOffSeconds, readRetryPolicy } from "./retry-policy.ts";
import type { LockedRun } from "./run-columns.ts";

type RunChanges = Omit<Parameters<ReturnType<Queryable["update"]>["set"]>[0], "status">;

/**
 * The one function that changes the status of a run somebody has read before. False when the run is no longer as it was
 * read: then nothing was changed. What a move entails for every run (its end, its lease) is set here, the rest is `changes`.
 */
export async function moveRun(
  tx: Queryable,
  run: Pick<LockedRun, "id" | "tenantId" | "status" | "attempt">,
  to: RunStatus,
  changes: RunChanges = {},
): Promise<boolean> {
  const allowed: readonly RunStatus[] = MAY_BECOME[run.status];
  if (!allowed.includes(to)) throw new Error(`a run does not go from ${run.status} to ${to}`);
  const moved = await tx
    .update(workflowRuns)
    .set({
      ...changes,
      status: to,
      ...(isTerminal(to) ? { finishedAt: sql`now()` } : {}),
      ...(isTerminal(to) || to === "PENDING" ? { leaseExpiresAt: null } : {}),
    })
    .where(
      and(
        eq(workflowRuns.tenantId, run.tenantId),
        eq(workflowRuns.id, run.id),
        eq(workflowRuns.status, run.status),
        eq(workflowRuns.attempt, run.attempt),
      ),
    )
    .returning({ id: workflowRuns.id });
  return moved.length === 1;
}

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
  switch (result.kind) {
    case "succeeded":
      await moveLocked(tx, run, "SUCCEEDED", { output: result.output ?? null, error: null });
      await endAttempt(tx, run, "NOT_REPORTED");
      return "SUCCEEDED";
    case "cancelled":
      await moveLocked(tx, run, "CANCELLED");
      await endAttempt(tx, run, "CANCELLED");
      return "CANCELLED";
    case "timed-out": {
      const code = run.startedAt === null ? "QUEUE_DEADLINE" : "RUN_DEADLINE";
      await moveLocked(tx, run, "TIMED_OUT", {
        error: { code, message: "the run's deadline passed", retryable: false },
      });
      await endAttempt(tx, run, "DEADLINE");
      return "TIMED_OUT";
    }
    case "failed":
      return failAttempt(tx, run, result);
    default:
      return result satisfies never;
  }
}

async function failAttempt(
  tx: Queryable,
  run: LockedRun,
  { error: { retryAfterSeconds, ...error }, cause }: Extract<AttemptResult, { kind: "failed" }>,
): Promise<RunStatus> {
  const retries = run.status === "RUNNING" && error.retryable && run.attempt < run.maxAttempts;
  if (retries) {
    const delay = backOffSeconds(await readRetryPolicy(tx, run), run.attempt, retryAfterSeconds);
    await moveLocked(tx, run, "PENDING", {
      attempt: run.attempt + 1,
      error,
      runAt: sql`now() + make_interval(secs => ${delay})`,
    });
  } else await moveLocked(tx, run, "FAILED", { error });
  await endAttempt(tx, run, cause === "lease-lost" ? "LEASE_LOST" : "NOT_REPORTED");
  return retries ? "PENDING" : "FAILED";
}

/** The caller holds the row's lock, so that a run which is not as it was read is a bug. */
export async function moveLocked(
  tx: Queryable,
  run: LockedRun,
  to: RunStatus,
  changes: RunChanges = {},
): Promise<void> {
  if (!(await moveRun(tx, run, to, changes))) throw new Error("a locked run changed");
}
