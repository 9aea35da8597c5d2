import { type Database, inTransaction, type Transaction, workflowRuns } from "@control-plane/db";
import { isJsonValue, type JsonValue, jsonValueSchema } from "@control-plane/queue/json-value";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { readSchema } from "./definition/json-schema.ts";
import { validateValue } from "./definition/validate-value.ts";
import { lockRun } from "./lock-run.ts";
import { finishAttempt, moveRun } from "./move-run.ts";
import { planByIndexOrder } from "./queue-table-plans.ts";
import { shareSlots, type Waiting } from "./share-slots.ts";

/** `waitedSeconds`: from the time it was due to be dispatched. */
export type QueuedRun = { runId: string; attempt: number; waitedSeconds: number };
export type DispatchPass =
  /** Another replica dispatches at this moment. */
  | { outcome: "busy" }
  | {
      outcome: "done";
      queued: readonly QueuedRun[];
      /** Ended instead, for their input or their deadline. */
      refused: number;
      /** How many rows were QUEUED when it began. */
      queuedBefore: number;
      /** Something was taken, so another pass is worth while. */
      more: boolean;
      /** False when no run is due any more: nobody waits for a slot. */
      waiting: boolean;
    };

/** Any number that nothing else uses. */
const DISPATCH_LOCK = 4_021_337;

/**
 * One pass of the dispatcher: PENDING rows that are due become QUEUED, round robin over the tenants below their limits.
 * Slots in use are counted from the rows each time, so nothing can leak. The caller adds the jobs after the commit.
 * @param window most rows QUEUED at once, over all tenants; a small one keeps the queue's own order from undoing the fairness
 */
export async function queueRuns(db: Database, window: number): Promise<DispatchPass> {
  return inTransaction(db, { source: "orchestrator" }, async (tx, client): Promise<DispatchPass> => {
    const lock = await tx.execute(sql`select pg_try_advisory_xact_lock(${DISPATCH_LOCK}) as held`);
    if (lock.rows[0]?.held !== true) return { outcome: "busy" };
    await planByIndexOrder(tx);
    const queuedBefore = await countQueued(client, window);
    const { chosen, waiting } =
      queuedBefore < window ? await chooseDue(client, window - queuedBefore) : { chosen: [], waiting: true };
    if (chosen.length > 0) await failpoint("dispatch.after-select");
    const expired = chosen.filter((run) => run.expired);
    for (const run of expired) await endExpired(tx, run);
    const due = chosen.filter((run) => !run.expired);
    const refused = await refuseInvalid(tx, client, due);
    const taken = due.filter(({ id }) => !refused.has(id));
    if (taken.length > 0) await setQueued(client, taken);
    return {
      outcome: "done",
      queued: taken.map(({ id, attempt, waited_seconds }) => ({ runId: id, attempt, waitedSeconds: waited_seconds })),
      refused: refused.size + expired.length,
      queuedBefore,
      more: chosen.length > 0,
      waiting,
    };
  });
}

/** Prepared under a name: planning these statements costs a pass as much as running them. */
type Client = { query(statement: { name: string; text: string; values?: unknown[] }): Promise<{ rows: unknown[] }> };

/** At most `window`. */
async function countQueued(client: Client, window: number): Promise<number> {
  const { rows } = await client.query({
    name: "count-queued",
    text: `
    select count(*)::int as queued
      from (select from workflow_runs where status = 'QUEUED' order by queued_at limit $1) q`,
    values: [window],
  });
  return z.tuple([z.object({ queued: z.int() })]).parse(rows)[0].queued;
}

const waitingSchema = z.array(
  z.object({ tenant_id: z.uuid(), in_flight: z.int(), slots: z.int(), due_seconds: z.number() }),
);

const WAITING = `
    with recursive waiting as (
      (select tenant_id, run_at from workflow_runs where status = 'PENDING' order by tenant_id, run_at, id limit 1)
      union all
      select n.tenant_id, n.run_at
        from waiting w cross join lateral (
          select tenant_id, run_at from workflow_runs
           where status = 'PENDING' and tenant_id > w.tenant_id order by tenant_id, run_at, id limit 1) n)
    select w.tenant_id, t.max_concurrent_runs as slots, extract(epoch from w.run_at)::float8 as due_seconds,
           (select count(*)::int from (
              select from workflow_runs r
               where r.tenant_id = w.tenant_id and r.status in ('QUEUED','RUNNING','CANCELLING')
               order by r.tenant_id, r.status limit t.max_concurrent_runs) f) as in_flight
      from waiting w
      cross join lateral (select max_concurrent_runs from tenants where id = w.tenant_id offset 0) t
     where w.run_at <= now()`;

/** The tenants with due runs, one look into the index of PENDING rows each; how many rows wait behind does not matter. */
async function findWaiting(client: Client): Promise<Waiting[]> {
  const { rows } = await client.query({ name: "find-waiting", text: WAITING });
  return waitingSchema.parse(rows).map((row) => ({
    tenantId: row.tenant_id,
    inFlight: row.in_flight,
    slots: row.slots,
    dueAt: row.due_seconds,
  }));
}

const chosenSchema = z.array(
  z.object({
    id: z.uuid(),
    tenant_id: z.uuid(),
    workflow_version_id: z.uuid(),
    attempt: z.int(),
    source: z.string(),
    due_seconds: z.number(),
    waited_seconds: z.number(),
    expired: z.boolean(),
  }),
);

type Chosen = z.infer<typeof chosenSchema>[number];

const DUE = `
    select r.* from unnest($1::uuid[], $2::int[]) as s(tenant_id, share)
     cross join lateral (
       select id, tenant_id, workflow_version_id, attempt, source::text as source, deadline_at <= now() as expired,
              extract(epoch from run_at)::float8 as due_seconds,
              extract(epoch from greatest(now() - run_at, interval '0'))::float8 as waited_seconds
         from workflow_runs
        where tenant_id = s.tenant_id and status = 'PENDING' and run_at <= now()
        order by run_at, id limit s.share for update skip locked) r`;

/** Locks the due rows whose turn it is, in the order in which they are to be queued. */
async function chooseDue(client: Client, room: number): Promise<{ chosen: Chosen[]; waiting: boolean }> {
  const waiting = await findWaiting(client);
  const shares = [...shareSlots(waiting, room)].filter(([, share]) => share > 0);
  if (shares.length === 0) return { chosen: [], waiting: waiting.length > 0 };
  const { rows } = await client.query({
    name: "choose-due",
    text: DUE,
    values: [shares.map(([tenantId]) => tenantId), shares.map(([, share]) => share)],
  });
  const had = new Map(waiting.map(({ tenantId, inFlight }) => [tenantId, inFlight]));
  const placed = chosenSchema.parse(rows).map((run) => {
    const place = (had.get(run.tenant_id) ?? 0) + 1;
    had.set(run.tenant_id, place);
    return { run, place };
  });
  placed.sort((a, b) => a.place - b.place || a.run.due_seconds - b.run.due_seconds);
  // The next pass finds out whether these were all.
  return { chosen: placed.map(({ run }) => run), waiting: true };
}

/** A run that waited too long is never started; the sweeper would end it a moment later. */
async function endExpired(tx: Transaction, { id, tenant_id }: Chosen): Promise<void> {
  const run = await lockRun(tx, id, tenant_id);
  if (run?.status === "PENDING") await finishAttempt(tx, run, { kind: "timed-out" });
}

/**
 * Not by moveRun: one statement takes the whole batch, whose rows this transaction has locked as PENDING. Their status is no
 * condition, so that nothing but the primary key can find them; the transition trigger would refuse any other.
 */
async function setQueued(client: Client, taken: readonly Chosen[]): Promise<void> {
  await client.query({
    name: "set-queued",
    text: "update workflow_runs set status = 'QUEUED', queued_at = now() where id = any($1::uuid[])",
    values: [taken.map(({ id }) => id)],
  });
}

const schemasSchema = z.array(z.object({ id: z.uuid(), input_schema: jsonValueSchema }));

/** Input that came by webhook or schedule is held to the version's inputSchema here, where the owner can see the run fail. */
async function refuseInvalid(tx: Transaction, client: Client, due: readonly Chosen[]): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  const unchecked = due.filter(({ source, attempt }) => source !== "MANUAL" && attempt === 1);
  if (unchecked.length === 0) return refused;
  const versions = [...new Set(unchecked.map((run) => run.workflow_version_id))];
  const { rows } = await client.query({
    name: "input-schemas",
    text: "select id, definition -> 'inputSchema' as input_schema from workflow_versions where id = any($1::uuid[])",
    values: [versions],
  });
  const schemas = new Map(schemasSchema.parse(rows).map((row) => [row.id, row.input_schema]));
  for (const run of unchecked) {
    const inputSchema = schemas.get(run.workflow_version_id);
    if (inputSchema === undefined || inputSchema === null) continue;
    const own = and(eq(workflowRuns.tenantId, run.tenant_id), eq(workflowRuns.id, run.id));
    const [row] = await tx.select({ input: workflowRuns.input }).from(workflowRuns).where(own);
    const message = describeMisfit(inputSchema, row?.input);
    if (message === undefined) continue;
    refused.add(run.id);
    const error = { code: "INPUT_INVALID", message, retryable: false };
    await moveRun(tx, { id: run.id, tenantId: run.tenant_id, status: "PENDING", attempt: run.attempt }, "FAILED", {
      error,
    });
  }
  return refused;
}

/** Never throws: one run that cannot be judged must not keep those behind it from being dispatched. */
function describeMisfit(inputSchema: JsonValue, input: unknown): string | undefined {
  const schema = readSchema(inputSchema);
  if (schema === undefined) return "the version's inputSchema cannot be read";
  if (!isJsonValue(input)) return "the input holds a number that is too large or nests too deep";
  const [issue] = validateValue(schema, input);
  return issue === undefined ? undefined : `${issue.path || "the input"} ${issue.message}`;
}
