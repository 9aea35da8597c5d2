-- Triggers. PostgreSQL fires them in the order of their names: 10 copies the tenant, 20 guards it, 30 guards the rules
-- of the table, 40 derives columns, 90 sets updated_at.

do $$
declare
  name text;
begin
  foreach name in array array[
    'public.tenants', 'public.users', 'public.memberships', 'public.invitations', 'public.apps', 'public.app_versions',
    'public.actions', 'public.connections', 'public.workflows', 'public.workflow_versions', 'public.triggers',
    'public.workflow_runs', 'public.step_runs', 'public.webhook_deliveries', 'public.dead_letters', 'internal.sessions',
    'internal.refresh_tokens', 'internal.password_resets', 'internal.signing_keys', 'internal.data_keys', 'internal.emails'
  ] loop
    execute format('create trigger t90_updated_at before update on %s for each row execute function internal.touch_updated_at()', name::regclass);
  end loop;

  -- Tables Hasura may write, but users.
  foreach name in array array['apps', 'app_versions', 'actions', 'connections', 'workflows', 'workflow_versions', 'triggers'] loop
    execute format('create trigger t20_tenant_guard before insert or update or delete on public.%I for each row execute function internal.tenant_guard(''tenant_id'')', name);
  end loop;

  -- internal.sessions is missing on purpose: switchTenant moves a session.
  foreach name in array array[
    'public.memberships', 'public.invitations', 'public.apps', 'public.app_versions', 'public.actions', 'public.connections',
    'public.workflows', 'public.workflow_versions', 'public.triggers', 'public.workflow_runs', 'public.step_runs',
    'public.webhook_deliveries', 'public.dead_letters', 'internal.data_keys', 'internal.emails'
  ] loop
    execute format('create trigger t21_tenant_fixed before update on %s for each row when (old.tenant_id is distinct from new.tenant_id) execute function internal.refuse_tenant_change()', name::regclass);
  end loop;
end
$$;

create trigger t20_tenant_guard before insert or update or delete on public.tenants
  for each row execute function internal.tenant_guard('id');
create trigger t20_tenant_guard before update on public.users
  for each row execute function internal.user_guard();

create trigger t10_copy_tenant before insert on public.app_versions
  for each row execute function internal.copy_app_tenant();
create trigger t11_copy_tenant before update on public.app_versions
  for each row when (old.app_id is distinct from new.app_id) execute function internal.copy_app_tenant();
create trigger t10_copy_tenant before insert on public.actions
  for each row execute function internal.copy_app_version_tenant();
create trigger t11_copy_tenant before update on public.actions
  for each row when (old.app_version_id is distinct from new.app_version_id) execute function internal.copy_app_version_tenant();

create trigger t40_number before insert or update of definition, version, content_hash on public.workflow_versions
  for each row execute function internal.number_workflow_version();

create trigger t50_published before update or delete on public.workflow_versions
  for each row execute function internal.guard_published();
create trigger t50_published before update or delete on public.app_versions
  for each row execute function internal.guard_published();
create trigger t50_published before insert or update or delete on public.actions
  for each row execute function internal.guard_published_actions();

create constraint trigger t60_last_owner_updated after update on public.memberships
  deferrable initially deferred for each row
  when (old.role = 'owner' and old.status = 'ACTIVE' and (new.role <> 'owner' or new.status <> 'ACTIVE'))
  execute function internal.keep_last_owner();
create constraint trigger t60_last_owner_deleted after delete on public.memberships
  deferrable initially deferred for each row
  when (old.role = 'owner' and old.status = 'ACTIVE')
  execute function internal.keep_last_owner();

create trigger t30_transition_insert before insert on public.workflow_runs
  for each row execute function internal.guard_run_insert();
create trigger t30_transition_update before update on public.workflow_runs
  for each row execute function internal.guard_run_update();
create trigger t30_transition before update on public.step_runs
  for each row execute function internal.guard_step_update();

create trigger t40_change_seq_insert before insert on public.workflow_runs
  for each row execute function internal.next_change_seq();
create trigger t40_change_seq_fixed before update on public.workflow_runs
  for each row when (old.change_seq is distinct from new.change_seq) execute function internal.keep_change_seq();
create trigger t41_change_seq_update before update on public.workflow_runs
  for each row when (
    old.status is distinct from new.status or old.attempt is distinct from new.attempt
    or old.output is distinct from new.output or old.error is distinct from new.error
    or old.cancel_requested_at is distinct from new.cancel_requested_at
  ) execute function internal.next_change_seq();

create trigger t70_notify after insert on public.workflow_runs
  for each statement execute function internal.notify_channel('runs_pending');
create trigger t70_notify after insert on internal.emails
  for each statement execute function internal.notify_channel('emails_queued');

create trigger t30_app_version before insert or update of app_version_id, tenant_id on public.connections
  for each row execute function internal.guard_connection_app_version();

create trigger t45_next_fire_insert before insert on public.triggers
  for each row execute function internal.reset_next_fire_at();
create trigger t45_next_fire_update before update on public.triggers
  for each row when (
    old.enabled is distinct from new.enabled or old.cron is distinct from new.cron
    or old.timezone is distinct from new.timezone
  ) execute function internal.reset_next_fire_at();

-- The first list of columns is shown with old and new values, of the second only the change is told.
create trigger t80_audit after insert or update or delete on public.tenants
  for each row execute function internal.audit_row('tenant', '{slug,name,max_concurrent_runs,log_retention_days}', '{}');
create trigger t80_audit after insert or update or delete on public.users
  for each row execute function internal.audit_row('user', '{name}', '{password_hash}');
create trigger t80_audit after insert or update or delete on public.memberships
  for each row execute function internal.audit_row('membership', '{user_id,role,status}', '{}');
create trigger t80_audit after insert or update or delete on public.invitations
  for each row execute function internal.audit_row('invitation', '{role,status,expires_at,sent_count,delivery_status}', '{}');
create trigger t80_audit after insert or update or delete on public.apps
  for each row execute function internal.audit_row('app', '{slug,name,description,status}', '{}');
create trigger t80_audit after insert or update or delete on public.app_versions
  for each row execute function internal.audit_row('app_version',
    '{version,auth_type,auth_config,base_url,allowed_hosts,test_request,is_latest,published_at}', '{}');
create trigger t80_audit after insert or update or delete on public.actions
  for each row execute function internal.audit_row('action', '{key,name,timeout_seconds}', '{input_schema,output_schema,request}');
create trigger t80_audit after insert or update or delete on public.connections
  for each row execute function internal.audit_row('connection', '{name,app_version_id,config,status}', '{secret_cipher}');
create trigger t80_audit after insert or update or delete on public.workflows
  for each row execute function internal.audit_row('workflow', '{name,description,archived_at}', '{}');
create trigger t80_audit after insert or update or delete on public.workflow_versions
  for each row execute function internal.audit_row('workflow_version', '{version,content_hash,is_latest,published_at}', '{}');
create trigger t80_audit after insert or update or delete on public.triggers
  for each row execute function internal.audit_row('trigger',
    '{name,type,enabled,signature_scheme,signature_config,tolerance_seconds,cron,timezone,overlap_policy,catch_up_policy}',
    '{webhook_secret_cipher}');
create trigger t80_audit after insert or update or delete on public.dead_letters
  for each row execute function internal.audit_row('dead_letter', '{status}', '{}');
create trigger t80_audit_insert after insert on public.workflow_runs
  for each row when (new.source in ('MANUAL', 'RETRY', 'REPLAY')) execute function internal.audit_run();
create trigger t80_audit_cancel after update of cancel_requested_at on public.workflow_runs
  for each row when (old.cancel_requested_at is null and new.cancel_requested_at is not null)
  execute function internal.audit_run();

-- Always: also for a session that replicates, where ordinary triggers rest.
create trigger t05_append_only before update or delete or truncate on public.audit_events
  for each statement execute function internal.refuse_audit_change();
alter table public.audit_events enable always trigger t05_append_only;

-- drizzle cannot say NULLS NOT DISTINCT of a partial index.
create unique index data_keys_active_key on internal.data_keys (tenant_id) nulls not distinct where state = 'ACTIVE';
