import { type Queryable, runEventBuffer, stepRuns } from "@control-plane/db";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { LockedRun } from "./lock-run.ts";

/** Why an attempt ended while steps were open; decides what becomes of a step that was running. */
export type AttemptEnd = "CANCELLED" | "DEADLINE" | "LEASE_LOST" | "NOT_REPORTED";

export const OPEN_STEP_BECOMES = {
  CANCELLED: { status: "CANCELLED", error: null },
  DEADLINE: {
    status: "TIMED_OUT",
    error: { code: "RUN_DEADLINE", message: "the run's deadline passed", retryable: false },
  },
  LEASE_LOST: { status: "FAILED", error: { code: "LEASE_LOST", message: "the runner was lost", retryable: true } },
  NOT_REPORTED: {
    status: "FAILED",
    error: { code: "NOT_REPORTED", message: "the runner ended the run without ending this step", retryable: false },
  },
} as const satisfies Record<AttemptEnd, { status: "CANCELLED" | "TIMED_OUT" | "FAILED"; error: unknown }>;

/** Closes the open steps of the attempt and empties its event buffer; part of the transaction that moves the run. */
export async function endAttempt(
  tx: Queryable,
  run: Pick<LockedRun, "id" | "tenantId" | "attempt" | "eventBufferBytes">,
  end: AttemptEnd,
): Promise<void> {
  const own = and(
    eq(stepRuns.tenantId, run.tenantId),
    eq(stepRuns.workflowRunId, run.id),
    eq(stepRuns.attempt, run.attempt),
  );
  const { status, error } = OPEN_STEP_BECOMES[end];
  const running = sql`${stepRuns.status} = 'RUNNING'`;
  await tx
    .update(stepRuns)
    .set({
      status: sql`case when ${running} then ${status} else 'SKIPPED' end::step_status`,
      error:
        error === null ? sql`${stepRuns.error}` : sql`case when ${running} then ${JSON.stringify(error)}::jsonb end`,
      finishedAt: sql`now()`,
    })
    .where(and(own, inArray(stepRuns.status, ["PENDING", "RUNNING"])));
  if (run.eventBufferBytes === 0) return;
  await tx
    .delete(runEventBuffer)
    .where(and(eq(runEventBuffer.workflowRunId, run.id), eq(runEventBuffer.attempt, run.attempt)));
}
