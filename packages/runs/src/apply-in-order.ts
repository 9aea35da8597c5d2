import { type Database, repeatOnConflict } from "@control-plane/db";
import type { RunEvent } from "@control-plane/queue";
import { z } from "zod";
import { OPEN_STEP_BECOMES } from "./end-attempt.ts";
import type { LeaseSettings } from "./lease-settings.ts";

type InOrderBatch = {
  runId: string;
  attempt: number;
  leaseTokenHash: Buffer;
  events: readonly RunEvent[];
};

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

/**
 * The common case in one statement: the batch goes on where the last one stopped, its attempt is RUNNING and presents its
 * token, nothing waits in the buffer, and the run goes on or succeeds. The condition of the update decides all of that about
 * the row as it is at that moment, so no lock is needed before. Undefined in every other case: then nothing was changed.
 */
export async function applyInOrder(
  db: Database,
  batch: InOrderBatch,
  lease: LeaseSettings,
): Promise<{ seq: number; leaseExpiresAt: Date | null } | undefined> {
  const folded = foldInOrder(batch.events);
  const first = batch.events[0]?.seq;
  if (folded === undefined || first === undefined) return undefined;
  const { steps, seq, succeeded } = folded;
  const column = <K extends keyof StepChange>(name: K): StepChange[K][] => steps.map((step) => step[name]);
  const { rows } = await repeatOnConflict(() =>
    db.$client.query({
      name: "apply-in-order",
      text: APPLY,
      values: [
        batch.runId,
        batch.attempt,
        batch.leaseTokenHash,
        first,
        seq,
        succeeded !== undefined,
        succeeded?.output ?? null,
        lease.leaseSeconds,
        JSON.stringify(OPEN_STEP_BECOMES.NOT_REPORTED.error),
        column("stepKey"),
        column("status"),
        column("startedAt"),
        column("input"),
        column("endedAt"),
        column("output"),
        column("error"),
      ],
    }),
  );
  const [row] = appliedSchema.parse(rows);
  return row === undefined ? undefined : { seq, leaseExpiresAt: row.lease_expires_at };
}

const appliedSchema = z.array(z.object({ lease_expires_at: z.date().nullable() }));

/** Times are the event's, held between the run's start and now. Steps that are over stay as they are. */
const APPLY = `
with change as (
  select * from unnest($10::text[], $11::step_status[], $12::timestamptz[], $13::text[], $14::timestamptz[], $15::text[], $16::text[])
    as c (step_key, status, started_at, input, ended_at, output, error)),
run as (
  update workflow_runs set
         last_event_seq = $5,
         status = case when $6 then 'SUCCEEDED' else 'RUNNING' end::run_status,
         output = case when $6 then $7::jsonb else output end,
         error = case when not $6 then error end,
         finished_at = case when $6 then now() end,
         lease_expires_at = case when not $6 then now() + make_interval(secs => $8) end
   where id = $1 and attempt = $2 and lease_token_hash = $3 and status = 'RUNNING'
     and last_event_seq = $4 - 1 and event_buffer_bytes = 0
     and (select count(distinct step_key) from step_runs where workflow_run_id = $1 and step_key = any($10)) = cardinality($10)
  returning id, tenant_id, attempt, started_at, lease_expires_at),
changed as (
  update step_runs s set
         status = c.status,
         started_at = case
           when s.status = 'PENDING' and c.started_at is not null then least(greatest(c.started_at, r.started_at), now())
           when c.status in ('RUNNING', 'SKIPPED') then s.started_at
           else coalesce(s.started_at, least(greatest(c.ended_at, r.started_at), now())) end,
         input = case when s.status = 'PENDING' and c.input is not null then c.input::jsonb else s.input end,
         finished_at = case when c.status <> 'RUNNING' then least(greatest(coalesce(c.ended_at, now()), r.started_at), now()) end,
         output = c.output::jsonb,
         error = c.error::jsonb
    from run r cross join change c
   where s.tenant_id = r.tenant_id and s.workflow_run_id = r.id and s.attempt = r.attempt and s.step_key = c.step_key
     and s.status in ('PENDING', 'RUNNING')),
closed as (
  update step_runs s set
         status = case when s.status = 'RUNNING' then 'FAILED' else 'SKIPPED' end::step_status,
         error = case when s.status = 'RUNNING' then $9::jsonb end,
         finished_at = now()
    from run r
   where $6 and s.tenant_id = r.tenant_id and s.workflow_run_id = r.id and s.attempt = r.attempt
     and s.step_key <> all($10) and s.status in ('PENDING', 'RUNNING'))
select lease_expires_at from run`;

/** Undefined for numbers with a gap, a repetition or another order, and for an end that is no success. */
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
