import { type Database, isDataError, repeatOnConflict } from "@control-plane/db";
import type { RunEvent } from "@control-plane/queue/runner-api";
import { z } from "zod";
import { OPEN_STEP_BECOMES } from "./end-attempt.ts";
import type { LeaseSettings } from "./lease-settings.ts";

/** A batch of events as this short way can write it. */
export type InOrderWrite = {
  runId: string;
  attempt: number;
  leaseTokenHash: Buffer;
  /** The number of its first event. */
  first: number;
  folded: Folded;
};

/** `leaseExpiresAt` is null when the run has succeeded. */
export type InOrderOutcome =
  | { outcome: "applied"; seq: number; leaseExpiresAt: Date | null }
  | { outcome: "not-in-order" }
  /** PostgreSQL refuses a value of it. */
  | { outcome: "failed"; error: unknown };

/** What a batch makes of one step that was open before it; texts as JSON. */
type StepChange = {
  stepKey: string;
  startedAt: string | null;
  input: string | null;
  status: "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "SKIPPED";
  endedAt: string | null;
  output: string | null;
  error: string | null;
};

type Folded = { steps: readonly StepChange[]; seq: number; succeeded: { output: string | null } | undefined };

/** Undefined for numbers with a gap, a repetition or another order, and for an end that is no success. */
export function prepareInOrder(batch: {
  runId: string;
  attempt: number;
  leaseTokenHash: Buffer;
  events: readonly RunEvent[];
}): InOrderWrite | undefined {
  const folded = foldInOrder(batch.events);
  const first = batch.events[0]?.seq;
  if (folded === undefined || first === undefined) return undefined;
  return { runId: batch.runId, attempt: batch.attempt, leaseTokenHash: batch.leaseTokenHash, first, folded };
}

/**
 * The common case, for many runs in one statement: a batch goes on where the last one stopped, its attempt is RUNNING and
 * presents its token, nothing waits in the buffer, and the run goes on or succeeds. The condition of the update decides all
 * of that about the row as it is at that moment, so no lock is needed before. In every other case nothing of the batch was
 * written. Outcomes come in the order of the input.
 */
export async function writeInOrder(
  db: Database,
  writes: readonly InOrderWrite[],
  lease: LeaseSettings,
): Promise<InOrderOutcome[]> {
  const steps = writes.reduce((sum, { folded }) => sum + folded.steps.length, 0);
  if (writes.length > 1 && steps > STEPS_TOGETHER_MAX) return writeApart(db, writes, lease);
  try {
    return await writeTogether(db, writes, lease);
  } catch (error) {
    if (!isDataError(error)) throw error;
    // One value that PostgreSQL refuses must not cost the others.
    return writes.length > 1 ? writeApart(db, writes, lease) : [{ outcome: "failed", error }];
  }
}

/** The statement compares each step with each. */
const STEPS_TOGETHER_MAX = 500;

async function writeApart(
  db: Database,
  writes: readonly InOrderWrite[],
  lease: LeaseSettings,
): Promise<InOrderOutcome[]> {
  const half = Math.ceil(writes.length / 2);
  const first = await writeInOrder(db, writes.slice(0, half), lease);
  return [...first, ...(await writeInOrder(db, writes.slice(half), lease))];
}

async function writeTogether(
  db: Database,
  writes: readonly InOrderWrite[],
  lease: LeaseSettings,
): Promise<InOrderOutcome[]> {
  const column = <T>(pick: (write: InOrderWrite) => T): T[] => writes.map(pick);
  const changes = writes.flatMap(({ folded }, index) => folded.steps.map((step) => ({ ...step, place: index + 1 })));
  const change = <K extends keyof (typeof changes)[number]>(name: K) => changes.map((step) => step[name]);
  const { rows } = await repeatOnConflict(() =>
    db.$client.query({
      name: "apply-in-order",
      text: APPLY,
      values: [
        column(({ runId }) => runId),
        column(({ attempt }) => attempt),
        column(({ leaseTokenHash }) => leaseTokenHash),
        column(({ first }) => first),
        column(({ folded }) => folded.seq),
        column(({ folded }) => folded.succeeded !== undefined),
        column(({ folded }) => folded.succeeded?.output ?? null),
        column(({ folded }) => folded.steps.length),
        change("place"),
        change("stepKey"),
        change("status"),
        change("startedAt"),
        change("input"),
        change("endedAt"),
        change("output"),
        change("error"),
        lease.leaseSeconds,
        JSON.stringify(OPEN_STEP_BECOMES.NOT_REPORTED.error),
      ],
    }),
  );
  const applied = new Map(appliedSchema.parse(rows).map((row) => [row.place, row.lease_expires_at]));
  return writes.map(({ folded }, index) => {
    const leaseExpiresAt = applied.get(index + 1);
    if (leaseExpiresAt === undefined) return { outcome: "not-in-order" };
    return { outcome: "applied", seq: folded.seq, leaseExpiresAt };
  });
}

const appliedSchema = z.array(z.object({ place: z.coerce.number(), lease_expires_at: z.date().nullable() }));

/**
 * Times are the event's, held between the run's start and now. Steps that are over stay as they are; those that nothing was
 * told of end with the run. A run that comes twice is written once. Rows are found by their keys alone: see CLAIMABLE.
 */
const APPLY = `
with batch as (
  select * from unnest($1::uuid[], $2::int[], $3::bytea[], $4::int[], $5::int[], $6::boolean[], $7::text[], $8::int[])
    with ordinality as b (run_id, attempt, token_hash, first_seq, last_seq, succeeds, output, steps, place)),
change as (
  select * from unnest($9::int[], $10::text[], $11::step_status[], $12::timestamptz[], $13::text[], $14::timestamptz[], $15::text[], $16::text[])
    as c (place, step_key, status, started_at, input, ended_at, output, error)),
ready as materialized (
  select b.* from workflow_runs r join batch b on b.run_id = r.id
   where r.id = any($1)
     and b.steps = (
       select count(distinct s.step_key) from change c
        cross join lateral (
          select step_key from step_runs
           where tenant_id = r.tenant_id and workflow_run_id = r.id and step_key = c.step_key offset 0) s
        where c.place = b.place)),
run as (
  update workflow_runs r set
         last_event_seq = b.last_seq,
         status = case when b.succeeds then 'SUCCEEDED' else 'RUNNING' end::run_status,
         output = case when b.succeeds then b.output::jsonb else r.output end,
         error = case when not b.succeeds then r.error end,
         finished_at = case when b.succeeds then now() end,
         lease_expires_at = case when not b.succeeds then now() + make_interval(secs => $17) end
    from ready b
   where r.id = any($1) and r.id = b.run_id and r.attempt = b.attempt and r.lease_token_hash = b.token_hash
     and (r.status = 'RUNNING') is true and r.last_event_seq = b.first_seq - 1 and r.event_buffer_bytes = 0
  returning b.place, b.succeeds, r.id, r.tenant_id, r.attempt, r.started_at, r.lease_expires_at),
step as (
  select r.place, r.tenant_id, r.started_at as run_started_at, s.id, c.place is not null as told, c.status, c.started_at, c.input,
         c.ended_at, c.output, c.error
    from run r
   cross join lateral (
     select id, step_key from step_runs
      where tenant_id = r.tenant_id and workflow_run_id = r.id and attempt = r.attempt offset 0) s
    left join change c on c.place = r.place and c.step_key = s.step_key
   where c.place is not null or r.succeeds),
changed as (
  update step_runs s set
         status = case when c.told then c.status when s.status = 'RUNNING' then 'FAILED' else 'SKIPPED' end::step_status,
         started_at = case
           when not c.told then s.started_at
           when s.status = 'PENDING' and c.started_at is not null then least(greatest(c.started_at, c.run_started_at), now())
           when c.status in ('RUNNING', 'SKIPPED') then s.started_at
           else coalesce(s.started_at, least(greatest(c.ended_at, c.run_started_at), now())) end,
         input = case when s.status = 'PENDING' and c.input is not null then c.input::jsonb else s.input end,
         finished_at = case
           when not c.told then now()
           when c.status <> 'RUNNING' then least(greatest(coalesce(c.ended_at, now()), c.run_started_at), now()) end,
         output = c.output::jsonb,
         error = case when c.told then c.error::jsonb when s.status = 'RUNNING' then $18::jsonb end
    from step c
   where s.id = any(array(select id from step)) and s.id = c.id and s.tenant_id = c.tenant_id
     and (s.status in ('PENDING', 'RUNNING')) is true)
select place, lease_expires_at from run`;

function foldInOrder(events: readonly RunEvent[]): Folded | undefined {
  const steps = new Map<string, StepChange>();
  let seq = (events[0]?.seq ?? 1) - 1;
  for (const event of events) {
    if (event.seq !== seq + 1) return undefined;
    seq = event.seq;
    if ("stepKey" in event) steps.set(event.stepKey, foldStep(steps.get(event.stepKey), event));
    else if (event.type !== "run.succeeded") return undefined;
    else {
      const output = event.output === undefined ? null : JSON.stringify(event.output);
      return { steps: [...steps.values()].map(closeStep), seq, succeeded: { output } };
    }
  }
  return { steps: [...steps.values()], seq, succeeded: undefined };
}

type StepEvent = Extract<RunEvent, { stepKey: string }>;

/** The first end counts, and nothing after it. */
function foldStep(before: StepChange | undefined, event: StepEvent): StepChange {
  if (before !== undefined && (before.status !== "RUNNING" || event.type === "step.started")) return before;
  const open = before ?? { ...NOTHING, stepKey: event.stepKey };
  switch (event.type) {
    case "step.started":
      return { ...open, startedAt: event.at, input: event.input === undefined ? null : JSON.stringify(event.input) };
    case "step.succeeded":
      return { ...open, status: "SUCCEEDED", endedAt: event.at, output: JSON.stringify(event.output) };
    case "step.failed":
      return {
        ...open,
        status: event.error.code === "STEP_TIMEOUT" ? "TIMED_OUT" : "FAILED",
        endedAt: event.at,
        error: JSON.stringify(event.error),
      };
    case "step.skipped":
      return { ...open, status: "SKIPPED", endedAt: event.at };
  }
}

const NOTHING = { startedAt: null, input: null, status: "RUNNING", endedAt: null, output: null, error: null } as const;

/** A step that runs when the run ends was not reported. */
function closeStep(step: StepChange): StepChange {
  if (step.status !== "RUNNING") return step;
  const { status, error } = OPEN_STEP_BECOMES.NOT_REPORTED;
  return { ...step, status, error: JSON.stringify(error) };
}
