-- The same refusals for less: what a run may become is a condition, which costs a row less than a call of PL/pgSQL, and
-- the comparison of whole rows has a trigger of its own, for the rows that have ended.
create function internal.guard_ended_run() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  keys constant text[] := '{trigger_id,webhook_delivery_id,retry_of_run_id,cancel_requested_by,created_by}';
  set_null constant jsonb := '{"trigger_id": null, "webhook_delivery_id": null, "retry_of_run_id": null,
    "cancel_requested_by": null, "created_by": null}';
begin
  -- Every key either keeps its value or is null afterwards; everything else stays.
  if (to_jsonb(new) - keys - 'updated_at') is distinct from (to_jsonb(old) - keys - 'updated_at')
     or exists (
       select 1 from jsonb_each(set_null) k
       where to_jsonb(new) -> k.key not in ('null'::jsonb, to_jsonb(old) -> k.key)
     ) then
    raise exception 'RUN_TRANSITION' using errcode = '55000';
  end if;
  return new;
end
$$;
--> statement-breakpoint
revoke execute on function internal.guard_ended_run from public;
--> statement-breakpoint
create function internal.refuse_run_move() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'RUN_TRANSITION' using errcode = '55000';
end
$$;
--> statement-breakpoint
revoke execute on function internal.refuse_run_move from public;
--> statement-breakpoint
create trigger t30_ended_update before update on public.workflow_runs
  for each row when (old.status in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT'))
  execute function internal.guard_ended_run();
--> statement-breakpoint
-- A run makes only these moves, and counts an attempt only when it goes back to PENDING.
create or replace trigger t30_transition_update before update on public.workflow_runs
  for each row when (
    old.status not in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')
    and (
      new.status <> old.status and not case old.status
        when 'PENDING' then new.status in ('QUEUED', 'FAILED', 'CANCELLED', 'TIMED_OUT')
        when 'QUEUED' then new.status in ('RUNNING', 'CANCELLED', 'TIMED_OUT')
        when 'RUNNING' then new.status in ('SUCCEEDED', 'FAILED', 'PENDING', 'TIMED_OUT', 'CANCELLING')
        else new.status in ('CANCELLED', 'SUCCEEDED', 'FAILED')
      end
      or new.attempt <> old.attempt + (case when old.status = 'RUNNING' and new.status = 'PENDING' then 1 else 0 end)
    )
  ) execute function internal.refuse_run_move();
--> statement-breakpoint
drop function internal.guard_run_update;
--> statement-breakpoint
drop function internal.run_may_become;
