import { type Queryable, workflowRuns } from "@control-plane/db";
import { and, eq, sql } from "drizzle-orm";
import { endAttempt } from "./end-attempt.ts";
import { isTerminal, MAY_BECOME, type RunError, type RunStatus } from "./lifecycle.ts";
import type { LockedRun } from "./lock-run.ts";
import { backOffSeconds, readRetryPolicy } from "./retry-policy.ts";

type RunChanges = Omit<Parameters<ReturnType<Queryable["update"]>["set"]>[0], "status">;

/**
 * The one function that changes a run's status. Three statements do so without it and say why: the dispatcher's for a batch, the
 * claim's for a row nobody holds, and that of a batch of events in order. False when the run is no longer as it was read: then nothing was changed.
 * What a move entails for every run (its end, its lease) is set here, the rest is `changes`.
 */
export async function moveRun(
  tx: Queryable,
  run: Pick<LockedRun, "id" | "tenantId" | "status" | "attempt">,
  to: RunStatus,
  changes: RunChanges = {},
): Promise<boolean> {
  requireMove(run.status, to);
  const moved = await tx
    .update(workflowRuns)
    .set({ ...changes, ...entailedBy(to) })
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

/** Moves locked runs of one tenant, all of them in the status `from`, with one statement. */
export async function moveLockedRuns(
  tx: Queryable,
  runs: readonly Pick<LockedRun, "id" | "tenantId">[],
  from: RunStatus,
  to: RunStatus,
  changes: RunChanges,
): Promise<void> {
  const [first] = runs;
  if (first === undefined) return;
  requireMove(from, to);
  const { rowCount } = await tx
    .update(workflowRuns)
    .set({ ...changes, ...entailedBy(to) })
    .where(
      and(
        eq(workflowRuns.tenantId, first.tenantId),
        sql`${workflowRuns.id} = any(${sql.param(runs.map(({ id }) => id))}::uuid[])`,
        eq(workflowRuns.status, from),
      ),
    );
  if (rowCount !== runs.length) throw new Error("a locked run changed");
}

function requireMove(from: RunStatus, to: RunStatus): void {
  const allowed: readonly RunStatus[] = MAY_BECOME[from];
  if (!allowed.includes(to)) throw new Error(`a run does not go from ${from} to ${to}`);
}

function entailedBy(to: RunStatus) {
  return {
    status: to,
    ...(isTerminal(to) ? { finishedAt: sql`now()` } : {}),
    ...(isTerminal(to) || to === "PENDING" ? { leaseExpiresAt: null, eventBufferBytes: 0 } : {}),
  };
}

/** What an attempt came to, as an event or the sweeper says it. */
export type AttemptResult =
  | { kind: "succeeded"; output: unknown }
  | { kind: "failed"; error: RunError & { retryAfterSeconds?: number | undefined }; cause: "reported" | "lease-lost" }
  | { kind: "cancelled" }
  | { kind: "timed-out" };

/**
 * Moves a locked run out of the state it is in, closes its steps and drops its lease, all in the caller's transaction. A
 * retryable failure with attempts left goes back to PENDING, unless somebody wants the run cancelled. Returns the new
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
async function moveLocked(tx: Queryable, run: LockedRun, to: RunStatus, changes: RunChanges = {}): Promise<void> {
  if (!(await moveRun(tx, run, to, changes))) throw new Error("a locked run changed");
}
