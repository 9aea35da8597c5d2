import type { Rule } from "./finding.ts";

/** Records every state a run has been in. Fault tests alone have it: it is one row more for each move. */
export const WATCH_MOVES = `
  create schema faults;
  create table faults.moves (
    id bigint generated always as identity primary key, run_id uuid not null, from_status text, to_status text not null,
    from_attempt int, to_attempt int not null, at timestamptz not null default clock_timestamp());
  create function faults.record_move() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    insert into faults.moves (run_id, from_status, to_status, from_attempt, to_attempt)
    values (new.id, case when tg_op = 'UPDATE' then old.status end, new.status, case when tg_op = 'UPDATE' then old.attempt end, new.attempt);
    return null;
  end $$;
  create trigger t99_made after insert on public.workflow_runs for each row execute function faults.record_move();
  create trigger t99_moved after update of status, attempt on public.workflow_runs for each row
    when (old.status is distinct from new.status or old.attempt <> new.attempt) execute function faults.record_move();`;

/** As docs/reference/runs.md has them. */
const LEGAL = `(values
  (null, 'PENDING'), ('PENDING', 'QUEUED'), ('PENDING', 'FAILED'), ('PENDING', 'CANCELLED'), ('PENDING', 'TIMED_OUT'),
  ('QUEUED', 'RUNNING'), ('QUEUED', 'CANCELLED'), ('QUEUED', 'TIMED_OUT'),
  ('RUNNING', 'SUCCEEDED'), ('RUNNING', 'FAILED'), ('RUNNING', 'PENDING'), ('RUNNING', 'TIMED_OUT'), ('RUNNING', 'CANCELLING'),
  ('CANCELLING', 'CANCELLED'), ('CANCELLING', 'SUCCEEDED'), ('CANCELLING', 'FAILED')) as legal (from_status, to_status)`;

export const moveRules: readonly Rule[] = [
  {
    invariant: "I4",
    kind: "dup",
    what: "a run made a move that there is not",
    select: `select m.run_id as subject from faults.moves m where not exists (
               select 1 from ${LEGAL} where legal.from_status is not distinct from m.from_status and legal.to_status = m.to_status)`,
  },
  {
    invariant: "I4",
    kind: "dup",
    what: "an attempt did not rise by one, or rose at another moment than the return to PENDING",
    select: `select run_id as subject from faults.moves where from_attempt is not null
               and to_attempt <> from_attempt + case when to_status = 'PENDING' then 1 else 0 end`,
  },
  {
    invariant: "I3",
    kind: "dup",
    what: "one attempt was claimed twice",
    select: `select run_id as subject from faults.moves where to_status = 'RUNNING' group by run_id, to_attempt having count(*) > 1`,
  },
];
