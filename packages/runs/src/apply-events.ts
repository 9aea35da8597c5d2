import {
  type Database,
  inTransaction,
  runEventBuffer,
  stepRuns,
  type Transaction,
  workflowRuns,
} from "@control-plane/db";
import { type RunEvent, runEventSchema } from "@control-plane/queue/runner-api";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { and, asc, eq, inArray, lte, type SQL, sql } from "drizzle-orm";
import { type InOrderOutcome, type InOrderWrite, prepareInOrder, writeInOrder } from "./apply-in-order.ts";
import type { LeaseSettings } from "./lease-settings.ts";
import { isHeld, type RunStatus } from "./lifecycle.ts";
import { type LockedRun, lockRun } from "./lock-run.ts";
import { finishAttempt } from "./move-run.ts";

/** What arrived ahead of a gap and is kept, per attempt. */
const BUFFERED_EVENTS_MAX = 1_000;
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024;

export type EventBatch = {
  runId: string;
  attempt: number;
  events: readonly RunEvent[];
  /** What shows that the sender holds the lease: the hash of its token, or a check against the stored hash. */
  proof: Buffer | ((leaseTokenHash: Buffer) => boolean);
};

export type Applied =
  | { outcome: "applied"; appliedSeq: number; status: RunStatus; cancelRequested: boolean; leaseExpiresAt: Date | null }
  /** The attempt is over, or was never this sender's: it stops and writes nothing more. */
  | { outcome: "stale" }
  /** The present attempt, but the proof does not hold. */
  | { outcome: "unproven"; tenantId: string }
  /** Nothing of the batch was applied. */
  | { outcome: "invalid"; tenantId: string; index: number; reason: string };

/** Writes a batch the short way, maybe together with others'. */
export type WriteInOrder = (inOrder: InOrderWrite) => Promise<InOrderOutcome>;

class InvalidEventError extends Error {
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
 * a gap waits in the buffer, what stands behind the end is dropped. A batch that is as most are goes the short way, which
 * gives the same rows too.
 * @param write the short way; by default each batch goes alone
 */
export async function applyEvents(
  db: Database,
  batch: EventBatch,
  lease: LeaseSettings,
  write: WriteInOrder = (inOrder) => writeAlone(db, inOrder, lease),
): Promise<Applied> {
  const inOrder = await tryInOrder(batch, write);
  if (inOrder !== undefined) return inOrder;
  try {
    return await inTransaction(db, { source: "runner", runId: batch.runId }, (tx) => applyLocked(tx, batch, lease));
  } catch (error) {
    if (error instanceof InvalidEventError) {
      return { outcome: "invalid", tenantId: error.tenantId, index: error.index, reason: error.message };
    }
    throw error;
  }
}

async function writeAlone(db: Database, inOrder: InOrderWrite, lease: LeaseSettings): Promise<InOrderOutcome> {
  const [outcome] = await writeInOrder(db, [inOrder], lease);
  return outcome ?? { outcome: "not-in-order" };
}

async function tryInOrder(batch: EventBatch, write: WriteInOrder): Promise<Applied | undefined> {
  if (typeof batch.proof === "function") return undefined;
  const inOrder = prepareInOrder({ ...batch, leaseTokenHash: batch.proof });
  if (inOrder === undefined) return undefined;
  await failpoint("events.in-transaction");
  const applied = await write(inOrder);
  if (applied.outcome === "failed") throw applied.error;
  if (applied.outcome === "not-in-order") return undefined;
  const { seq, leaseExpiresAt } = applied;
  return answer(seq, leaseExpiresAt === null ? "SUCCEEDED" : "RUNNING", leaseExpiresAt);
}

function proves(proof: EventBatch["proof"], leaseTokenHash: Buffer): boolean {
  return typeof proof === "function" ? proof(leaseTokenHash) : proof.equals(leaseTokenHash);
}

async function applyLocked(tx: Transaction, batch: EventBatch, lease: LeaseSettings): Promise<Applied> {
  const run = await lockRun(tx, batch.runId);
  if (run === undefined || run.attempt !== batch.attempt || run.leaseTokenHash === null) return { outcome: "stale" };
  // The stored hash is the last attempt's: nobody holds a run that waits.
  if (run.status === "PENDING" || run.status === "QUEUED") return { outcome: "stale" };
  if (!proves(batch.proof, run.leaseTokenHash)) return { outcome: "unproven", tenantId: run.tenantId };
  const fresh = [...batch.events.entries()].filter(([, event]) => event.seq > run.lastEventSeq);
  if (!isHeld(run.status)) {
    const repeatsEnd = batch.events.some((event) => event.type.startsWith("run.") && event.seq <= run.lastEventSeq);
    return fresh.length === 0 || repeatsEnd ? answer(run.lastEventSeq, run.status, null) : { outcome: "stale" };
  }
  const { seq, status, buffered } = await fold(tx, run, fresh);
  await failpoint("events.in-transaction");
  if (!isHeld(status)) return answer(seq, status, null);
  return answer(seq, status, await keepRun(tx, run, { seq, buffered }, lease));
}

type Indexed = readonly [index: number, event: RunEvent];

async function fold(
  tx: Transaction,
  run: LockedRun,
  fresh: readonly Indexed[],
): Promise<{ seq: number; status: RunStatus; buffered: number }> {
  const steps = await readSteps(tx, run);
  const waiting = await mergeBuffered(tx, run, fresh);
  let seq = run.lastEventSeq;
  for (let next = waiting.get(seq + 1); next !== undefined; next = waiting.get(seq + 1)) {
    const [index, event] = next;
    seq += 1;
    if (event.type.startsWith("step.")) await applyStep(tx, run, steps, index, event);
    else {
      await setSeq(tx, run, seq);
      return { seq, status: await endRun(tx, run, index, event), buffered: 0 };
    }
  }
  return { seq, status: run.status, buffered: await keepBuffered(tx, run, fresh, seq, steps) };
}

/** What waited in the buffer and what came now, by number; the first with a number counts. */
async function mergeBuffered(
  tx: Transaction,
  run: LockedRun,
  fresh: readonly Indexed[],
): Promise<Map<number, Indexed>> {
  const rows =
    run.eventBufferBytes === 0
      ? []
      : await tx
          .select({ seq: runEventBuffer.seq, event: runEventBuffer.event })
          .from(runEventBuffer)
          .where(and(eq(runEventBuffer.workflowRunId, run.id), eq(runEventBuffer.attempt, run.attempt)))
          .orderBy(asc(runEventBuffer.seq));
  const merged = new Map<number, Indexed>(rows.map(({ seq, event }) => [seq, [0, runEventSchema.parse(event)]]));
  for (const item of fresh) if (!merged.has(item[1].seq)) merged.set(item[1].seq, item);
  return merged;
}

/** Gives the bytes that wait afterwards. */
async function keepBuffered(
  tx: Transaction,
  run: LockedRun,
  fresh: readonly Indexed[],
  seq: number,
  steps: Steps,
): Promise<number> {
  const attempt = and(eq(runEventBuffer.workflowRunId, run.id), eq(runEventBuffer.attempt, run.attempt));
  if (run.eventBufferBytes > 0) await tx.delete(runEventBuffer).where(and(attempt, lte(runEventBuffer.seq, seq)));
  const ahead = fresh.filter(([, event]) => event.seq > seq);
  if (run.eventBufferBytes === 0 && ahead.length === 0) return 0;
  // What cannot be applied is refused now, so that nothing in the buffer can spoil the call that closes the gap.
  for (const [index, event] of ahead) {
    if ("stepKey" in event) requireStep(run, steps, event.stepKey, index);
    if (event.type === "run.cancelled") requireCancelling(run, index);
  }
  if (ahead.length > 0)
    await tx
      .insert(runEventBuffer)
      .values(ahead.map(([, event]) => ({ workflowRunId: run.id, attempt: run.attempt, seq: event.seq, event })))
      .onConflictDoNothing();
  const bytes = sql<number>`coalesce(sum(octet_length(${runEventBuffer.event}::text)), 0)::int`;
  const [kept] = await tx.select({ events: sql<number>`count(*)::int`, bytes }).from(runEventBuffer).where(attempt);
  if (kept === undefined) throw new Error("an aggregate has a row");
  if (kept.events > BUFFERED_EVENTS_MAX || kept.bytes > BUFFERED_BYTES_MAX)
    throw new InvalidEventError(run, ahead[0]?.[0] ?? 0, "too many events wait for one that is missing");
  return kept.bytes;
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
  if (step === undefined) throw new InvalidEventError(run, index, `there is no step ${stepKey}`);
  return step;
}

function requireCancelling(run: LockedRun, index: number): void {
  if (run.status !== "CANCELLING") throw new InvalidEventError(run, index, "nobody asked to cancel this run");
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
        { status: "RUNNING", startedAt: at, ...(event.input === undefined ? {} : { input: asJsonb(event.input) }) },
        ["PENDING"],
      ];
    case "step.succeeded":
      return [{ ...ended, status: "SUCCEEDED", output: asJsonb(event.output) }, ["PENDING", "RUNNING"]];
    case "step.failed":
      return [
        { ...ended, status: event.error.code === "STEP_TIMEOUT" ? "TIMED_OUT" : "FAILED", error: event.error },
        ["PENDING", "RUNNING"],
      ];
    case "step.skipped":
      return [{ status: "SKIPPED", finishedAt: at }, ["PENDING", "RUNNING"]];
  }
}

/** As text, since JSON null is a value of its own where SQL null means there is none, and a number may be kept as its digits. */
function asJsonb(value: unknown): SQL {
  return sql`${JSON.stringify(value)}::jsonb`;
}

async function endRun(tx: Transaction, run: LockedRun, index: number, event: RunEvent): Promise<RunStatus> {
  switch (event.type) {
    case "run.succeeded":
      return finishAttempt(tx, run, {
        kind: "succeeded",
        output: event.output === undefined ? null : asJsonb(event.output),
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

/** The attempt goes on, with a lease from now. */
async function keepRun(
  tx: Transaction,
  run: LockedRun,
  { seq, buffered }: { seq: number; buffered: number },
  lease: LeaseSettings,
): Promise<Date | null> {
  const [row] = await tx
    .update(workflowRuns)
    .set({
      lastEventSeq: seq,
      eventBufferBytes: buffered,
      leaseExpiresAt: sql`now() + make_interval(secs => ${lease.leaseSeconds})`,
    })
    .where(and(eq(workflowRuns.tenantId, run.tenantId), eq(workflowRuns.id, run.id)))
    .returning({ leaseExpiresAt: workflowRuns.leaseExpiresAt });
  return row?.leaseExpiresAt ?? null;
}

function answer(appliedSeq: number, status: RunStatus, leaseExpiresAt: Date | null): Applied {
  return { outcome: "applied", appliedSeq, status, cancelRequested: status === "CANCELLING", leaseExpiresAt };
}
