import type pg from "pg";

/** The engine's own schema; never `hdb_catalog`, which belongs to the real Hasura. */
export const OWN_SCHEMA = "embedded_hdb";

/** Any number that nothing else uses; installers of several engines on one database take turns on it. */
export const INSTALL_LOCK = 5_318_008;

const TABLES = `
create table if not exists embedded_hdb.event_log (
  id uuid primary key default gen_random_uuid(),
  schema_name text not null, table_name text not null, trigger_name text not null,
  payload jsonb not null, tries int not null default 0,
  delivered boolean not null default false, error boolean not null default false,
  created_at timestamptz not null default clock_timestamp(), locked_at timestamptz, next_retry_at timestamptz);
create index if not exists event_log_waiting_idx on embedded_hdb.event_log (created_at) where not delivered and not error;
create table if not exists embedded_hdb.event_invocations (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references embedded_hdb.event_log (id) on delete cascade,
  attempt int not null, status int, response_headers jsonb, response_body text,
  sent_at timestamptz not null default now(), duration_ms int not null);
create index if not exists event_invocations_event_idx on embedded_hdb.event_invocations (event_id);
create table if not exists embedded_hdb.cron_events (
  id uuid primary key default gen_random_uuid(),
  trigger_name text not null, scheduled_time timestamptz not null,
  status text not null default 'scheduled' check (status in ('scheduled', 'locked', 'delivered', 'error', 'dead')),
  tries int not null default 0, next_retry_at timestamptz, locked_at timestamptz, created_at timestamptz not null default now(),
  unique (trigger_name, scheduled_time));
create table if not exists embedded_hdb.cron_invocations (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references embedded_hdb.cron_events (id) on delete cascade,
  attempt int not null, status int, response_headers jsonb, response_body text,
  sent_at timestamptz not null default now(), duration_ms int not null);`;

/** Makes schema and tables where they are absent. The login role need not be allowed to make schemas if it is there. */
export async function createOwnTables(client: pg.ClientBase): Promise<void> {
  const { rowCount } = await client.query("select 1 from pg_namespace where nspname = $1", [OWN_SCHEMA]);
  if (rowCount === 0) await client.query(`create schema ${OWN_SCHEMA}`);
  await client.query(TABLES);
}
