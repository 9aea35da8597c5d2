-- Functions. All are security definer with a fixed search_path and belong to cp_owner.

create sequence internal.workflow_runs_change_seq as bigint;

-- Hasura sets `hasura.user` for its mutations, services for every writing transaction. After a transaction that set it
-- locally the setting is an empty string, not null.
create function internal.session_variable(name text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select nullif(current_setting('hasura.user', true), '')::jsonb ->> name
$$;

-- The time of the last change of a row is the database's, whatever the writer said.
create function internal.touch_updated_at() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- A session that acts for a tenant changes only that tenant's rows: neither the old nor the new row may be another's.
-- Where the session names no tenant, as with a loop or a migration, nothing is asked. Argument: the tenant's column.
create function internal.tenant_guard() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  column_name constant text := tg_argv[0];
  session_tenant constant text := internal.session_variable('x-hasura-tenant-id');
begin
  if session_tenant is not null then
    if (tg_op <> 'INSERT' and to_jsonb(old) ->> column_name is distinct from session_tenant)
       or (tg_op <> 'DELETE' and to_jsonb(new) ->> column_name is distinct from session_tenant) then
      raise exception 'TENANT_GUARD' using errcode = '23514';
    end if;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end
$$;

-- Users have no tenant of their own, so a session that acts for a tenant changes only its own user.
create function internal.user_guard() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if internal.session_variable('x-hasura-tenant-id') is not null
     and old.id::text is distinct from internal.session_variable('x-hasura-user-id') then
    raise exception 'TENANT_GUARD' using errcode = '23514';
  end if;
  return new;
end
$$;

-- A row never moves to another tenant, whoever writes.
create function internal.refuse_tenant_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'TENANT_GUARD' using errcode = '23514';
end
$$;

-- A version has the tenant of its app, an action that of its version; what the writer gave is overwritten. On update only
-- where the parent changes, so that a move into another tenant meets the guard.
create function internal.copy_app_tenant() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.tenant_id := (select a.tenant_id from public.apps a where a.id = new.app_id);
  return new;
end
$$;

create function internal.copy_app_version_tenant() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.tenant_id := (select v.tenant_id from public.app_versions v where v.id = new.app_version_id);
  return new;
end
$$;

-- A version of a workflow gets the next number and the hash of its definition. The lock leaves the key checks of
-- concurrent run inserts alone. A published row is left as given, so that guard_published refuses it.
create function internal.number_workflow_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform 1 from public.workflows w where w.tenant_id = new.tenant_id and w.id = new.workflow_id for no key update;
    select coalesce(max(v.version), 0) + 1 into new.version
    from public.workflow_versions v where v.workflow_id = new.workflow_id;
  elsif old.published_at is not null then
    return new;
  else
    new.version := old.version;
  end if;
  new.content_hash := encode(sha256(convert_to(new.definition::text, 'UTF8')), 'hex');
  return new;
end
$$;

-- A published version is never deleted or changed, but for which one is the latest. published_by and created_by may
-- become null because their foreign keys say so when a user goes.
create function internal.guard_published() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    if old.published_at is not null then
      raise exception 'PUBLISHED_IMMUTABLE' using errcode = '23514';
    end if;
    return old;
  end if;
  if old.published_at is not null
     and ((to_jsonb(new) - '{is_latest,updated_at,published_by,created_by}'::text[])
            is distinct from (to_jsonb(old) - '{is_latest,updated_at,published_by,created_by}'::text[])
          or (new.published_by is not null and new.published_by is distinct from old.published_by)
          or (new.created_by is not null and new.created_by is distinct from old.created_by)) then
    raise exception 'PUBLISHED_IMMUTABLE' using errcode = '23514';
  end if;
  return new;
end
$$;

-- Actions of a published version stay too. The share lock makes a concurrent publish wait, so that no action slips in
-- behind its validation.
-- A version that is gone is a draft being deleted with its actions.
create function internal.guard_published_actions() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  parents constant uuid[] := case tg_op
    when 'INSERT' then array[new.app_version_id]
    when 'DELETE' then array[old.app_version_id]
    else array[old.app_version_id, new.app_version_id]
  end;
begin
  perform 1 from public.app_versions v where v.id = any (parents) order by v.id for share;
  if exists (select 1 from public.app_versions v where v.id = any (parents) and v.published_at is not null) then
    raise exception 'PUBLISHED_IMMUTABLE' using errcode = '23514';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end
$$;

-- A tenant keeps an active owner, judged at commit. The count is a statement of its own after the lock, so it sees what
-- the transaction before it committed.
create function internal.keep_last_owner() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform 1 from public.tenants t where t.id = old.tenant_id for update;
  if not found then
    return null;
  end if;
  if not exists (
    select 1 from public.memberships m
    where m.tenant_id = old.tenant_id and m.role = 'owner' and m.status = 'ACTIVE'
  ) then
    raise exception 'LAST_OWNER' using errcode = '23514';
  end if;
  return null;
end
$$;

-- The moves a run's status may make. The four terminal states have none.
create function internal.run_may_become(before public.run_status, after public.run_status) returns boolean
language sql immutable security definer set search_path = pg_catalog, pg_temp
as $$
  select case before
    when 'PENDING' then after in ('QUEUED', 'FAILED', 'CANCELLED', 'TIMED_OUT')
    when 'QUEUED' then after in ('RUNNING', 'CANCELLED', 'TIMED_OUT')
    when 'RUNNING' then after in ('SUCCEEDED', 'FAILED', 'PENDING', 'TIMED_OUT', 'CANCELLING')
    when 'CANCELLING' then after in ('CANCELLED', 'SUCCEEDED', 'FAILED')
    else false
  end
$$;

-- A run begins as PENDING with its first attempt.
create function internal.guard_run_insert() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if new.status <> 'PENDING' or new.attempt <> 1 then
    raise exception 'RUN_TRANSITION' using errcode = '55000';
  end if;
  return new;
end
$$;

-- A run makes only the moves above, counts an attempt only when it goes back to PENDING, and is frozen when it has ended,
-- but for keys that become null because their target goes.
create function internal.guard_run_update() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  keys constant text[] := '{trigger_id,webhook_delivery_id,retry_of_run_id,cancel_requested_by,created_by}';
  set_null constant jsonb := '{"trigger_id": null, "webhook_delivery_id": null, "retry_of_run_id": null,
    "cancel_requested_by": null, "created_by": null}';
begin
  if old.status in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT') then
    -- Every key either keeps its value or is null afterwards; everything else stays.
    if (to_jsonb(new) - keys - 'updated_at') is distinct from (to_jsonb(old) - keys - 'updated_at')
       or exists (
         select 1 from jsonb_each(set_null) k
         where to_jsonb(new) -> k.key not in ('null'::jsonb, to_jsonb(old) -> k.key)
       ) then
      raise exception 'RUN_TRANSITION' using errcode = '55000';
    end if;
    return new;
  end if;
  if new.status <> old.status and not internal.run_may_become(old.status, new.status) then
    raise exception 'RUN_TRANSITION' using errcode = '55000';
  end if;
  if new.attempt <> old.attempt + (case when old.status = 'RUNNING' and new.status = 'PENDING' then 1 else 0 end) then
    raise exception 'RUN_TRANSITION' using errcode = '55000';
  end if;
  return new;
end
$$;

-- A step run that has ended is frozen, and a running one does not become pending again.
create function internal.guard_step_update() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if old.status not in ('PENDING', 'RUNNING')
     and (to_jsonb(new) - 'updated_at') is distinct from (to_jsonb(old) - 'updated_at')
     or old.status = 'RUNNING' and new.status = 'PENDING' then
    raise exception 'STEP_TRANSITION' using errcode = '55000';
  end if;
  return new;
end
$$;

-- The cursor of streaming subscriptions: a run gets the next number whenever something changes that a watcher shows.
create function internal.next_change_seq() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.change_seq := nextval('internal.workflow_runs_change_seq');
  return new;
end
$$;

-- Nobody else sets that number.
create function internal.keep_change_seq() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.change_seq := old.change_seq;
  return new;
end
$$;

-- Wakes the loop that waits for new rows; a lost notification costs only the time until it polls. Argument: the channel.
create function internal.notify_channel() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify(tg_argv[0], '');
  return null;
end
$$;

-- Who acts, from the settings of the transaction: a user, the runner that holds a run, or else the system. Hasura's role
-- names are translated back into those of memberships, its superuser is an operator.
create function internal.audit_actor(
  out actor_type public.actor_type, out actor_id uuid, out actor_role text, out source text,
  out request_id text, out trace_id text, out session_tenant uuid
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  session constant jsonb := coalesce(nullif(current_setting('hasura.user', true), '')::jsonb, '{}');
  trace constant jsonb := coalesce(nullif(current_setting('hasura.tracecontext', true), '')::jsonb, '{}');
begin
  if session ? 'x-hasura-user-id' then
    actor_type := 'USER';
    actor_id := (session ->> 'x-hasura-user-id')::uuid;
  elsif session ->> 'x-source' = 'runner' then
    actor_type := 'RUNNER';
    actor_id := (session ->> 'x-run-id')::uuid;
  else
    actor_type := 'SYSTEM';
  end if;
  actor_role := case session ->> 'x-hasura-role'
    when 'tenant_admin' then 'admin'
    when 'admin' then 'operator'
    else session ->> 'x-hasura-role'
  end;
  source := coalesce(session ->> 'x-source', 'hasura');
  request_id := session ->> 'x-request-id';
  trace_id := trace ->> 'trace_id';
  session_tenant := (session ->> 'x-hasura-tenant-id')::uuid;
end
$$;

-- One audit event of whoever acts.
create function internal.write_audit(
  tenant_id uuid, action text, target_type text, target_id uuid,
  changes jsonb default null, outcome public.audit_outcome default 'SUCCESS'
) returns uuid
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  insert into public.audit_events
    (tenant_id, actor_type, actor_id, actor_role, action, target_type, target_id, changes, outcome, source, request_id, trace_id)
  select write_audit.tenant_id, a.actor_type, a.actor_id, a.actor_role, write_audit.action, write_audit.target_type,
    write_audit.target_id, write_audit.changes, write_audit.outcome, a.source, a.request_id, a.trace_id
  from internal.audit_actor() a
  returning id
$$;

-- {"column": {"old": …, "new": …}} for the shown columns that changed, {"column": {"changed": true}} for the hidden
create function internal.audit_changes(before jsonb, after jsonb, shown text[], hidden text[]) returns jsonb
language sql immutable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    jsonb_object_agg(c.name, case when c.hidden then '{"changed": true}'::jsonb
      else jsonb_build_object('old', before -> c.name, 'new', after -> c.name) end),
    '{}'
  )
  from (
    select unnest(shown) as name, false as hidden
    union all
    select unnest(hidden), true
  ) c
  where coalesce(before -> c.name, 'null') is distinct from coalesce(after -> c.name, 'null')
$$;

-- One audit event per changed row; none for an update that changes no listed column. Arguments: the singular that begins
-- the event's name, columns that are shown with old and new value, columns of which only the change is told.
create function internal.audit_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  before constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  after constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  subject constant jsonb := coalesce(after, before);
  changes constant jsonb := internal.audit_changes(before, after, tg_argv[1]::text[], tg_argv[2]::text[]);
  verb text := case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'updated' else 'deleted' end;
  tenant uuid;
  superseded boolean;
begin
  if tg_op = 'UPDATE' and changes = '{}' then
    return null;
  end if;
  if tg_table_name = 'tenants' then
    tenant := (subject ->> 'id')::uuid;
  elsif tg_table_name = 'users' then
    tenant := (internal.audit_actor()).session_tenant;
  else
    tenant := (subject ->> 'tenant_id')::uuid;
  end if;
  if changes ? 'is_latest' and coalesce((after ->> 'is_latest')::boolean, false) then
    verb := 'published';
  elsif tg_op = 'UPDATE' and changes ? 'is_latest' then
    -- Row triggers run after the whole statement, so a version that takes over in it is already visible.
    if tg_table_name = 'workflow_versions' then
      superseded := exists (select 1 from public.workflow_versions v where v.workflow_id = (before ->> 'workflow_id')::uuid and v.is_latest);
    else
      superseded := exists (select 1 from public.app_versions v where v.app_id = (before ->> 'app_id')::uuid and v.is_latest);
    end if;
    if not superseded then
      verb := 'unpublished';
    end if;
  end if;
  perform internal.write_audit(tenant, tg_argv[0] || '.' || verb, tg_table_name, (subject ->> 'id')::uuid, changes);
  return null;
end
$$;

-- Of a run only its creation by a person and the wish to cancel it are events: state changes are in the row's own
-- timestamps, machine-made runs have their delivery or slot.
create function internal.audit_run() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform internal.write_audit(new.tenant_id, 'workflow_run.created', 'workflow_runs', new.id,
      internal.audit_changes(null, to_jsonb(new), '{workflow_version_id,source,retry_of_run_id}', '{}'));
  else
    perform internal.write_audit(new.tenant_id, 'workflow_run.cancel_requested', 'workflow_runs', new.id,
      internal.audit_changes(to_jsonb(old), to_jsonb(new), '{cancel_requested_at}', '{}'));
  end if;
  return null;
end
$$;

-- The trail is append-only.
create function internal.refuse_audit_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'AUDIT_APPEND_ONLY' using errcode = '55000';
end
$$;

-- A connection belongs to an app version of the global catalogue or of its own tenant.
create function internal.guard_connection_app_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select 1 from public.app_versions v
    where v.id = new.app_version_id and (v.tenant_id is null or v.tenant_id = new.tenant_id)
  ) then
    raise exception 'APP_VERSION_NOT_IN_TENANT' using errcode = '23514';
  end if;
  return new;
end
$$;

-- The schedule loop computes the next slot after now, so switching on again never causes a burst
create function internal.reset_next_fire_at() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.next_fire_at := null;
  return new;
end
$$;

revoke execute on all functions in schema internal from public;
