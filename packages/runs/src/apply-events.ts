import {
  type Database,
  inTransaction,
  runEventBuffer,
  stepRuns,
  type Transaction,
  workflowRuns,
} from "@control-plane/db";
import { type RunEvent, runEventSchema } from "@control-plane/queue";
import { and, asc, eq, inArray, lte, sql } from "drizzle-orm";
import { isHeld, type RunStatus } from "./lifecycle.ts";
import type { LeaseSettings } from "./limits.ts";
import { BUFFERED_EVENTS_MAX } from "./limits.ts";
import { finishAttempt } from "./move-run.ts";
import { type LockedRun, lockRun } from "./run-columns.ts";

export type EventBatch = {
  runId: string;
  attempt: number;
  events: readonly RunEvent[];
  /** Whether the sender holds the lease whose token has this hash. */
  proves: (leaseTokenHash: Buffer) => boolean;
};

export type Applied =
  | { outcome: "applied"; appliedSeq: number; status: RunStatus; cancelRequested: boolean; leaseExpiresAt: Date | null }
  /** The attempt is over, or was never this sender's: it stops and writes nothing more. */
  | { outcome: "stale" }
  /** The present attempt, but the proof does not hold. */
  | { outcome: "unproven"; tenantId: string }
  /** Nothing of the batch was applied. */
  | { outcome: "invalid"; tenantId: string; index: number; reason: string };

class InvalidEvent extends Error {
  readonly tenantId: string;
  readonly index: number;

  constructor(run: Pick<LockedRun, "tenantId">, index: number, reason: string) {
    super(reason);
    this.tenantId = run.tenantId;
    this.index = index;
  }
}

/**
 * The one reducer, for HTTP batches and queue jobs alike: one transaction per run, whose row is locked. Every order,
 * repetition and split of one attempt's events gives the same rows: what comes twice is passed over, what comes ahead of
 * a gap waits in the buffer, what stands behind the end is dropped.
 */
export async function applyEvents(db: Database, batch: EventBatch, lease: LeaseSettings): Promise<Applied> {
  try {
    return await inTransaction(db, { source: "runner", runId: batch.runId }, (tx) => applyLocked(tx, batch, lease));
  } catch (error) {
    if (error instanceof InvalidEvent) {
      return { outcome: "invalid", tenantId: error.tenantId, index: error.index, reason: error.message };
    }
    throw error;
  }
}

async function applyLocked(tx: Transaction, batch: EventBatch, lease: LeaseSettings): Promise<Applied> {
  const run = await lockRun(tx, batch.runId);
  if (run === undefined || run.attempt !== batch.attempt || run.leaseTokenHash === null) return { outcome: "stale" };
  // The stored hash is the last attempt's: nobody holds a run that waits.
  if (run.status === "PENDING" || run.status === "QUEUED") return { outcome: "stale" };
  if (!batch.proves(run.leaseTokenHash)) return { outcome: "unproven", tenantId: run.tenantId };
  const fresh = [...batch.events.entries()].filter(([, event]) => event.seq > run.lastEventSeq);
  if (!isHeld(run.status)) {
    const repeatsEnd = batch.events.some((event) => event.type.startsWith("run.") && event.seq <= run.lastEventSeq);
    return fresh.length === 0 || repeatsEnd ? answer(run.lastEventSeq, run.status, null) : { outcome: "stale" };
  }
  const { seq, status } = await fold(tx, run, fresh);
  return isHeld(status) ? keepLease(tx, run, seq, status, lease) : answer(seq, status, null);
}

type Indexed = readonly [index: number, event: RunEvent];

async function fold(
  tx: Transaction,
  run: LockedRun,
  fresh: readonly Indexed[],
): Promise<{ seq: number; status: RunStatus }> {
  const steps = await readSteps(tx, run);
  const waiting = await mergeBuffered(tx, run, fresh);
  let seq = run.lastEventSeq;
  for (let next = waiting.get(seq + 1); next !== undefined; next = waiting.get(seq + 1)) {
    const [index, event] = next;
    seq += 1;
    if (event.type.startsWith("step.")) await applyStep(tx, run, steps, index, event);
    else {
      await setSeq(tx, run, seq);
      return { seq, status: await endRun(tx, run, index, event) };
    }
  }
  await setSeq(tx, run, seq);
  await keepBuffered(tx, run, fresh, seq, steps);
  return { seq, status: run.status };
}

/** What waited in the buffer and what came now, by number; the first with a number counts. */
async function mergeBuffered(
  tx: Transaction,
  run: LockedRun,
  fresh: readonly Indexed[],
): Promise<Map<number, Indexed>> {
  const rows = await tx
    .select({ seq: runEventBuffer.seq, event: runEventBuffer.event })
    .from(runEventBuffer)
    .where(and(eq(runEventBuffer.workflowRunId, run.id), eq(runEventBuffer.attempt, run.attempt)))
    .orderBy(asc(runEventBuffer.seq));
  const merged = new Map<number, Indexed>(rows.map(({ seq, event }) => [seq, [0, runEventSchema.parse(event)]]));
  for (const item of fresh) if (!merged.has(item[1].seq)) merged.set(item[1].seq, item);
  return merged;
}

async function keepBuffered(
  tx: Transaction,
  run: LockedRun,
  fresh: readonly Indexed[],
  seq: number,
  steps: Steps,
): Promise<void> {
  const attempt = and(eq(runEventBuffer.workflowRunId, run.id), eq(runEventBuffer.attempt, run.attempt));
  await tx.delete(runEventBuffer).where(and(attempt, lte(runEventBuffer.seq, seq)));
  const ahead = fresh.filter(([, event]) => event.seq > seq);
  if (ahead.length === 0) return;
  // What cannot be applied is refused now, so that nothing in the buffer can spoil the call that closes the gap.
  for (const [index, event] of ahead) {
    if ("stepKey" in event) requireStep(run, steps, event.stepKey, index);
    if (event.type === "run.cancelled") requireCancelling(run, index);
  }
  await tx
    .insert(runEventBuffer)
    .values(ahead.map(([, event]) => ({ workflowRunId: run.id, attempt: run.attempt, seq: event.seq, event })))
    .onConflictDoNothing();
  const [count] = await tx.select({ kept: sql<number>`count(*)::int` }).from(runEventBuffer).where(attempt);
  if ((count?.kept ?? 0) > BUFFERED_EVENTS_MAX)
    throw new InvalidEvent(run, ahead[0]?.[0] ?? 0, "too many events wait for one that is missing");
}

async function setSeq(tx: Transaction, run: LockedRun, seq: number): Promise<void> {
  if (seq === run.lastEventSeq) return;
  await tx
    .update(workflowRuns)
    .set({ lastEventSeq: seq })
    .where(and(eq(workflowRuns.tenantId, run.tenantId), eq(workflowRuns.id, run.id)));
}

/** Steps of the run by key: the row of this attempt, or `done` for one that succeeded before it. */
type Steps = ReadonlyMap<string, { id: string } | "done">;

async function readSteps(tx: Transaction, run: LockedRun): Promise<Steps> {
  const rows = await tx
    .select({ id: stepRuns.id, stepKey: stepRuns.stepKey, attempt: stepRuns.attempt })
    .from(stepRuns)
    .where(and(eq(stepRuns.tenantId, run.tenantId), eq(stepRuns.workflowRunId, run.id)))
    .orderBy(asc(stepRuns.attempt));
  return new Map(rows.map(({ id, stepKey, attempt }) => [stepKey, attempt === run.attempt ? { id } : "done"]));
}

function requireStep(run: LockedRun, steps: Steps, stepKey: string, index: number) {
  const step = steps.get(stepKey);
  if (step === undefined) throw new InvalidEvent(run, index, `there is no step ${stepKey}`);
  return step;
}

function requireCancelling(run: LockedRun, index: number): void {
  if (run.status !== "CANCELLING") throw new InvalidEvent(run, index, "nobody asked to cancel this run");
}

type StepEvent = Extract<RunEvent, { stepKey: string }>;

/** An event for a step that is over changes nothing. */
async function applyStep(tx: Transaction, run: LockedRun, steps: Steps, index: number, event: RunEvent): Promise<void> {
  if (!("stepKey" in event)) return;
  const step = requireStep(run, steps, event.stepKey, index);
  if (step === "done") return;
  // The run's start is read in SQL: a Date would cut it to milliseconds and let a step begin before its run.
  const startedAt = sql`(select r.started_at from workflow_runs r where r.tenant_id = ${run.tenantId} and r.id = ${run.id})`;
  const at = sql`least(greatest(${event.at}::timestamptz, ${startedAt}), now())`;
  const [values, from] = stepChange(event, at);
  await tx
    .update(stepRuns)
    .set(values)
    .where(and(eq(stepRuns.tenantId, run.tenantId), eq(stepRuns.id, step.id), inArray(stepRuns.status, from)));
}

type StepValues = Parameters<ReturnType<Transaction["update"]>["set"]>[0];

function stepChange(event: StepEvent, at: ReturnType<typeof sql>): [StepValues, ("PENDING" | "RUNNING")[]] {
  const ended = { startedAt: sql`coalesce(${stepRuns.startedAt}, ${at})`, finishedAt: at };
  switch (event.type) {
    case "step.started":
      return [
        { status: "RUNNING", startedAt: at, ...(event.input === undefined ? {} : { input: jsonOrNull(event.input) }) },
        ["PENDING"],
      ];
    case "step.succeeded":
      return [{ ...ended, status: "SUCCEEDED", output: jsonOrNull(event.output) }, ["PENDING", "RUNNING"]];
    case "step.failed":
      return [
        { ...ended, status: event.error.code === "STEP_TIMEOUT" ? "TIMED_OUT" : "FAILED", error: event.error },
        ["PENDING", "RUNNING"],
      ];
    case "step.skipped":
      return [{ status: "SKIPPED", finishedAt: at }, ["PENDING", "RUNNING"]];
  }
}

/** JSON null is a value of its own; SQL null means there is none. */
function jsonOrNull(value: unknown): unknown {
  return value === null ? sql`'null'::jsonb` : value;
}

async function endRun(tx: Transaction, run: LockedRun, index: number, event: RunEvent): Promise<RunStatus> {
  switch (event.type) {
    case "run.succeeded":
      return finishAttempt(tx, run, {
        kind: "succeeded",
        output: event.output === undefined ? null : jsonOrNull(event.output),
      });
    case "run.failed":
      return finishAttempt(tx, run, { kind: "failed", error: event.error, cause: "reported" });
    case "run.cancelled":
      requireCancelling(run, index);
      return finishAttempt(tx, run, { kind: "cancelled" });
    default:
      throw new Error(`${event.type} does not end a run`);
  }
}

async function keepLease(
  tx: Transaction,
  run: LockedRun,
  seq: number,
  status: RunStatus,
  lease: LeaseSettings,
): Promise<Applied> {
  const [row] = await tx
    .update(workflowRuns)
    .set({ leaseExpiresAt: sql`now() + make_interval(secs => ${lease.leaseSeconds})` })
    .where(and(eq(workflowRuns.tenantId, run.tenantId), eq(workflowRuns.id, run.id)))
    .returning({ leaseExpiresAt: workflowRuns.leaseExpiresAt });
  return answer(seq, status, row?.leaseExpiresAt ?? null);
}

function answer(appliedSeq: number, status: RunStatus, leaseExpiresAt: Date | null): Applied {
  return { outcome: "applied", appliedSeq, status, cancelRequested: status === "CANCELLING", leaseExpiresAt };
}
