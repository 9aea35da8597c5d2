import { type RunEvents, verifyRunEvents } from "@control-plane/queue";
import { applyEvents } from "@control-plane/runs";
import type { Deps } from "../deps.ts";
import { insertRunEventLetter, type RunEventLetter } from "../store/dead-letters.ts";
import { eventProblem } from "./event-problem.ts";
import { tellFreedSlot } from "./freed-slot.ts";
import { readRunEvents } from "./read-run-events.ts";

export type RunEventsDeps = Pick<Deps, "db" | "lease" | "dispatchSignal" | "dispatchWindow" | "runMetrics" | "log">;

/**
 * A stale job is dropped; one of the present attempt that does not prove its lease becomes a dead letter, which is one however
 * often the job is taken when it is given its id.
 */
export async function takeRunEvents(
  deps: RunEventsDeps,
  job: RunEvents,
  letterId?: string,
): Promise<"applied" | "dropped" | "dead-letter"> {
  const events = readRunEvents(job.body);
  const problem = events?.map(eventProblem).find((found) => found !== undefined);
  if (events === undefined || problem !== undefined) {
    const detail = problem ?? "the body does not fit the contract";
    await refuseUnreadable(deps, { id: letterId, runId: job.runId, detail, data: job });
    return "dead-letter";
  }
  const proof = (stored: Buffer): boolean => verifyRunEvents(stored, job.body, job.signature);
  const result = await applyEvents(deps.db, { runId: job.runId, attempt: job.attempt, events, proof }, deps.lease);
  deps.runMetrics.events.inc({ outcome: result.outcome });
  const letter = { id: letterId, runId: job.runId, data: job };
  switch (result.outcome) {
    case "applied":
      tellFreedSlot(deps, result.status);
      return "applied";
    case "stale":
      deps.log.info({ runId: job.runId, attempt: job.attempt }, "stale events dropped");
      return "dropped";
    case "unproven": {
      const detail = "the signature does not verify";
      await putAside(deps, { ...letter, tenantId: result.tenantId, reason: "EVENT_UNVERIFIED", detail });
      return "dead-letter";
    }
    case "invalid":
      await putAside(deps, { ...letter, tenantId: result.tenantId, reason: "EVENT_INVALID", detail: result.reason });
      return "dead-letter";
    default:
      return result satisfies never;
  }
}

/** A job nobody can make events of; without a signature that verifies, whose it is stays open too. */
export async function refuseUnreadable(
  deps: RunEventsDeps,
  job: Pick<RunEventLetter, "id" | "runId" | "detail" | "data">,
): Promise<void> {
  deps.runMetrics.events.inc({ outcome: "unreadable" });
  await putAside(deps, { ...job, tenantId: null, reason: "EVENT_UNREADABLE" });
}

async function putAside(deps: RunEventsDeps, letter: Omit<RunEventLetter, "attempts">): Promise<void> {
  if (!(await insertRunEventLetter(deps.db, { ...letter, attempts: 1 }))) return;
  deps.runMetrics.deadLetters.inc({ kind: "RUN_EVENT" });
  deps.log.warn({ runId: letter.runId, reason: letter.reason }, "run events became a dead letter");
}
