import { type Database, inLockedSession, type LockedSession, memberActor, type Transaction } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import { cancelLocked } from "./cancel-run.ts";
import type { RunStatus } from "./lifecycle.ts";
import { type LockedRun, lockRuns } from "./lock-run.ts";
import { insertRetries, type RetryWay } from "./retry-run.ts";

/** Which runs of the tenant; all that is given must hold. */
export type RunFilter = {
  workflowId: string | undefined;
  triggerId: string | undefined;
  statuses: readonly RunStatus[];
  /** RFC 3339. */
  createdFrom: string | undefined;
  /** The instant itself is not part of it. */
  createdTo: string | undefined;
  runIds: readonly string[] | undefined;
};

export type BulkCall = { filter: RunFilter; dryRun: boolean };

export type BulkSettings = {
  /** Runs per transaction. */
  batch: number;
  /** After this long no further batch begins. */
  workMs: number;
};

/** Counting on has no use for anybody, and a cost. */
const MATCHED_MAX = 100_000;

export type CancelledRuns = { matched: number; cancelled: number; cancelling: number; remaining: number };

/** Cancels what the filter matches, as far as the time goes; the caller repeats it until nothing remains. Throws `CONFLICT`. */
export async function cancelRuns(
  db: Database,
  caller: Caller,
  call: BulkCall,
  settings: BulkSettings,
): Promise<CancelledRuns> {
  const done = { cancelled: 0, cancelling: 0 };
  const walked = await walkRuns(db, caller, call, settings, async (tx, runs) => {
    const { cancelled, cancelling } = await cancelLocked(tx, caller, runs);
    return () => {
      done.cancelled += cancelled;
      done.cancelling += cancelling;
    };
  });
  return { ...walked, ...done };
}

export type RetriedRuns = { matched: number; created: number; skipped: number; remaining: number };

/**
 * Makes a retry of what the filter matches, as far as the time goes. A run that has a retry already, or whose workflow
 * cannot run it, is passed over and counted: repeated or doubled calls make no second retry. Throws `CONFLICT`.
 */
export async function retryRuns(
  db: Database,
  caller: Caller,
  call: BulkCall,
  way: RetryWay,
  settings: BulkSettings,
): Promise<RetriedRuns> {
  const done = { created: 0, skipped: 0 };
  const walked = await walkRuns(db, caller, call, settings, async (tx, runs) => {
    // Whoever makes a retry holds the original, so what is not there now does not come meanwhile.
    const retried = await findRetried(tx, caller.tenantId, runs);
    const originals = runs.filter(({ id }) => !retried.has(id)).map(({ id }) => id);
    const created = originals.length === 0 ? [] : await insertRetries(tx, caller, originals, way);
    return () => {
      done.created += created.length;
      done.skipped += runs.length - created.length;
    };
  });
  return { ...walked, ...done };
}

/** What a batch did, told once its transaction is committed: PostgreSQL may ask for it again. */
type Committed = () => void;
type Work = (tx: Transaction, runs: readonly LockedRun[]) => Promise<Committed>;
/** The last run that was looked at; its time as text, which keeps PostgreSQL's microseconds. */
type Cursor = { createdAt: string; id: string };

/**
 * Goes through the matching runs, oldest first, a transaction per batch. A run that somebody else holds at this moment is
 * passed over and remains. One walk per tenant at a time, over all replicas: a second one is refused.
 */
async function walkRuns(
  db: Database,
  caller: Caller,
  { filter, dryRun }: BulkCall,
  settings: BulkSettings,
  work: Work,
): Promise<{ matched: number; remaining: number }> {
  const walked = await inLockedSession(db, `bulk ${caller.tenantId}`, async (session) => {
    const count = (after?: Cursor) =>
      session.inTransaction(memberActor("orchestrator", caller), (tx) => countMatching(tx, caller, filter, after));
    const matched = await count();
    if (dryRun) return { matched, remaining: matched };
    const { passedOver, cursor } = await walkBatches(session, caller, filter, settings, work);
    return { matched, remaining: passedOver + (cursor === undefined ? 0 : await count(cursor)) };
  });
  if (walked === undefined)
    throw new AppError("CONFLICT", "another call for many runs of this tenant is at work; call again when it is done");
  return walked;
}

/** Without a cursor the end was reached. */
async function walkBatches(
  session: LockedSession,
  caller: Caller,
  filter: RunFilter,
  { batch, workMs }: BulkSettings,
  work: Work,
): Promise<{ passedOver: number; cursor: Cursor | undefined }> {
  const stopAt = performance.now() + workMs;
  let passedOver = 0;
  let cursor: Cursor | undefined;
  do {
    const { found, held, committed } = await session.inTransaction(memberActor("orchestrator", caller), async (tx) => {
      const found = await findNext(tx, caller.tenantId, filter, cursor, batch);
      const ids = found.map(({ id }) => id);
      const held = await lockRuns(tx, caller.tenantId, ids, filter.statuses);
      return { found, held, committed: await work(tx, held) };
    });
    committed();
    passedOver += found.length - held.length;
    cursor = found.length < batch ? undefined : found.at(-1);
  } while (cursor !== undefined && performance.now() < stopAt);
  return { passedOver, cursor };
}

const cursorsSchema = z.array(z.object({ created_at: z.string(), id: z.uuid() }));

/** Status by status, so that each is a walk along an index in the wanted order. */
async function findNext(
  tx: Transaction,
  tenantId: string,
  filter: RunFilter,
  after: Cursor | undefined,
  limit: number,
): Promise<Cursor[]> {
  const parts = filter.statuses.map(
    (status) =>
      sql`(select created_at, id from workflow_runs where ${matching(tenantId, filter, status, after)} order by created_at, id limit ${limit}::int)`,
  );
  const { rows } = await tx.execute(
    sql`select created_at::text as created_at, id from (${sql.join(parts, sql` union all `)}) m order by m.created_at, m.id limit ${limit}::int`,
  );
  return cursorsSchema.parse(rows).map(({ created_at, id }) => ({ createdAt: created_at, id }));
}

const countSchema = z.tuple([z.object({ count: z.int() })]);

async function countMatching(
  tx: Transaction,
  { tenantId }: Pick<Caller, "tenantId">,
  filter: RunFilter,
  after: Cursor | undefined,
): Promise<number> {
  const parts = filter.statuses.map(
    (status) => sql`select 1 from workflow_runs where ${matching(tenantId, filter, status, after)}`,
  );
  const { rows } = await tx.execute(
    sql`select count(*)::int as count from (select 1 from (${sql.join(parts, sql` union all `)}) m limit ${MATCHED_MAX}::int) counted`,
  );
  return countSchema.parse(rows)[0].count;
}

function matching(tenantId: string, filter: RunFilter, status: RunStatus, after: Cursor | undefined): SQL {
  const { workflowId, triggerId, createdFrom, createdTo, runIds } = filter;
  const given = (value: string | undefined, condition: SQL): SQL[] => (value === undefined ? [] : [condition]);
  return sql.join(
    [
      sql`tenant_id = ${tenantId}::uuid and status = ${status}`,
      ...given(workflowId, sql`workflow_id = ${workflowId}::uuid`),
      // A trigger's runs are its workflow's, and those have an index.
      ...given(
        triggerId,
        sql`trigger_id = ${triggerId}::uuid and workflow_id = (select t.workflow_id from triggers t where t.tenant_id = ${tenantId}::uuid and t.id = ${triggerId}::uuid)`,
      ),
      ...given(createdFrom, sql`created_at >= ${createdFrom}::timestamptz`),
      ...given(createdTo, sql`created_at < ${createdTo}::timestamptz`),
      ...(runIds === undefined ? [] : [sql`id = any(${sql.param([...runIds])}::uuid[])`]),
      ...(after === undefined ? [] : [sql`(created_at, id) > (${after.createdAt}::timestamptz, ${after.id}::uuid)`]),
    ],
    sql` and `,
  );
}

const retriedSchema = z.array(z.object({ retry_of_run_id: z.uuid() }));

async function findRetried(
  tx: Transaction,
  tenantId: string,
  runs: readonly LockedRun[],
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.execute(sql`
    select distinct retry_of_run_id from workflow_runs
     where tenant_id = ${tenantId}::uuid and retry_of_run_id = any(${sql.param(runs.map(({ id }) => id))}::uuid[])`);
  return new Set(retriedSchema.parse(rows).map(({ retry_of_run_id }) => retry_of_run_id));
}
