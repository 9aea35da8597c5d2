-- Events and crons that Hasura is done with: nothing in Hasura's public image deletes them. Their tables are Hasura's or the
-- embedded engine's, one of which is there, and belong to cp_hasura, for whom the owner of this function acts; the
-- orchestrator sees nothing of them. Days are counted from when an event was made or a cron was due, since crons are
-- made in advance. Waiting events stay however old they are.
create function internal.prune_event_logs(rows_max integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  log record;
  deleted integer;
  total integer := 0;
begin
  for log in
    select * from (values
      ('hdb_catalog.event_log', 'hdb_catalog.event_invocation_logs', 'delivered or error', 'created_at'),
      ('hdb_catalog.hdb_cron_events', 'hdb_catalog.hdb_cron_event_invocation_logs', $c$status in ('delivered', 'error', 'dead')$c$, 'scheduled_time'),
      ('embedded_hdb.event_log', 'embedded_hdb.event_invocations', 'delivered or error', 'created_at'),
      ('embedded_hdb.cron_events', 'embedded_hdb.cron_invocations', $c$status in ('delivered', 'error', 'dead')$c$, 'scheduled_time')
    ) as logs (events, invocations, is_over, since)
  loop
    if to_regclass(log.events) is null or to_regclass(log.invocations) is null then continue; end if;
    execute format(
      'with old as materialized (select id from %1$s where (%3$s) and %4$s < now() - interval ''7 days''
                                  order by %4$s limit $1 for update skip locked),
            invocations as (delete from %2$s where event_id in (select id from old))
       delete from %1$s where id in (select id from old)',
      log.events, log.invocations, log.is_over, log.since) using rows_max;
    get diagnostics deleted = row_count;
    total := total + deleted;
  end loop;
  return total;
end
$$;
--> statement-breakpoint
comment on function internal.prune_event_logs is 'deletes events and crons, with their invocations, that ended and are older than 7 days: at most so many of each table';
--> statement-breakpoint
revoke execute on function internal.prune_event_logs from public;
--> statement-breakpoint
grant execute on function internal.prune_event_logs to cp_orchestrator;
