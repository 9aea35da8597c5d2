import type { runStatus } from "@control-plane/db";

export type RunStatus = (typeof runStatus.enumValues)[number];

/**
 * PENDING waits for dispatch, QUEUED has a job, RUNNING and CANCELLING are held by one runner under a lease. A run is
 * made PENDING. The database holds the same table in a trigger; rows without an exit are terminal.
 */
export const MAY_BECOME = {
  PENDING: ["QUEUED", "FAILED", "CANCELLED", "TIMED_OUT"],
  QUEUED: ["RUNNING", "CANCELLED", "TIMED_OUT"],
  RUNNING: ["SUCCEEDED", "FAILED", "PENDING", "TIMED_OUT", "CANCELLING"],
  CANCELLING: ["CANCELLED", "SUCCEEDED", "FAILED"],
  SUCCEEDED: [],
  FAILED: [],
  CANCELLED: [],
  TIMED_OUT: [],
} as const satisfies Record<RunStatus, readonly RunStatus[]>;

export function isTerminal(status: RunStatus): boolean {
  return MAY_BECOME[status].length === 0;
}

export function isHeld(status: RunStatus): boolean {
  return status === "RUNNING" || status === "CANCELLING";
}

/** What is stored in `workflow_runs.error` and `step_runs.error`. */
export type RunError = { code: string; message: string; stepKey?: string | undefined; retryable: boolean };
