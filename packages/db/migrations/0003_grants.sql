-- What each login role may do. Everything not granted here is refused.

create extension if not exists pgcrypto schema public;
create schema if not exists hdb_catalog authorization cp_hasura;
create schema if not exists embedded_hdb authorization cp_hasura;

-- The migrations table, for the boot check of every service.
grant usage on schema drizzle to cp_auth, cp_gateway, cp_orchestrator, cp_logs;
grant select on drizzle.__drizzle_migrations to cp_auth, cp_gateway, cp_orchestrator, cp_logs;

-- cp_hasura: inserts need the table-wide right, because Hasura names every column and gives DEFAULT for the rest.
grant select on
  tenants, users, memberships, invitations, apps, app_versions, actions, connections, workflows, workflow_versions, triggers,
  workflow_runs, step_runs, audit_events, webhook_deliveries, dead_letters to cp_hasura;
grant update (name, log_retention_days) on tenants to cp_hasura;
grant update (name) on users to cp_hasura;
grant insert, delete, update (name, description) on apps to cp_hasura;
grant insert, delete, update (version, auth_type, auth_config, base_url, allowed_hosts, test_request, changelog) on app_versions to cp_hasura;
grant insert, delete, update (key, name, description, input_schema, output_schema, request, timeout_seconds, position) on actions to cp_hasura;
grant update (name) on connections to cp_hasura;
grant insert, delete, update (name, description, archived_at) on workflows to cp_hasura;
grant insert, delete, update (definition) on workflow_versions to cp_hasura;
grant delete, update (name, enabled) on triggers to cp_hasura;
-- Hasura's event triggers.
grant trigger on tenants, invitations to cp_hasura;

-- cp_auth
grant usage on schema internal to cp_auth, cp_gateway, cp_orchestrator;
grant select, insert, update on tenants, users, memberships, invitations to cp_auth;
grant select, insert, update, delete on apps, app_versions, actions, connections, workflows, workflow_versions to cp_auth;
grant select, insert, update, delete on
  internal.sessions, internal.refresh_tokens, internal.password_resets, internal.signing_keys, internal.data_keys, internal.emails to cp_auth;
grant select on workflow_runs, triggers, webhook_deliveries to cp_auth;
grant update (webhook_secret_cipher, webhook_secret_previous_cipher) on triggers to cp_auth;
grant update (body_cipher) on webhook_deliveries to cp_auth;
grant insert on dead_letters to cp_auth;
-- Hasura's event-trigger function on invitations and tenants runs as the writing role. Its tables do not exist yet when a
-- database is new, so the right is a default one.
do $$
begin
  execute 'grant usage on schema hdb_catalog to cp_auth';
  execute 'alter default privileges for role cp_hasura in schema hdb_catalog grant insert on tables to cp_auth';
end
$$;

-- cp_gateway
grant select on triggers, workflows, workflow_versions, workflow_runs, webhook_deliveries, memberships to cp_gateway;
grant insert, update on triggers, webhook_deliveries to cp_gateway;
grant insert on workflow_runs to cp_gateway;
grant select, insert on internal.data_keys to cp_gateway;

-- cp_orchestrator
grant select, insert, update on workflow_runs, step_runs, dead_letters to cp_orchestrator;
grant select, insert, update, delete on internal.run_event_buffer to cp_orchestrator;
grant select on tenants, users, memberships, apps, app_versions, actions, workflows, workflow_versions, webhook_deliveries to cp_orchestrator;
grant select (id, tenant_id, app_version_id, config) on connections to cp_orchestrator;
grant select, insert, update on triggers to cp_orchestrator;
grant update, delete on webhook_deliveries to cp_orchestrator;
grant select, update on internal.emails to cp_orchestrator;

-- cp_logs
grant select on memberships, workflow_runs, step_runs to cp_logs;

grant execute on function internal.write_audit(uuid, text, text, uuid, jsonb, public.audit_outcome) to cp_auth, cp_gateway, cp_orchestrator;
