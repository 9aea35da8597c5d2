import type pg from "pg";

/** The engine's own schema; never `hdb_catalog`, which belongs to the real Hasura. */
export const OWN_SCHEMA = "embedded_hdb";

/** Any number that nothing else uses; installers of several engines on one database take turns on it. */
export const INSTALL_LOCK = 5_318_008;

/** Each entry leads to the version of its place, counted from 1; entries are only ever added. */
const VERSIONS = [
  `
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
  sent_at timestamptz not null default now(), duration_ms int not null)`,
] as const;

/**
 * Brings schema and tables to the newest version, inside the caller's transaction. The login role need not be allowed to
 * make schemas if the schema is there.
 */
export async function createOwnTables(client: pg.ClientBase): Promise<void> {
  const { rowCount } = await client.query("select 1 from pg_namespace where nspname = $1", [OWN_SCHEMA]);
  if (rowCount === 0) await client.query(`create schema ${OWN_SCHEMA}`);
  await client.query(`create table if not exists ${OWN_SCHEMA}.schema_version (version int not null)`);
  const { rows } = await client.query<{ version: number }>(
    `select coalesce(max(version), 0) as version from ${OWN_SCHEMA}.schema_version`,
  );
  const version = rows[0]?.version ?? 0;
  if (version > VERSIONS.length)
    throw new Error(`the schema ${OWN_SCHEMA} has version ${version}; this engine knows ${VERSIONS.length}`);
  if (version === VERSIONS.length) return;
  for (const statements of VERSIONS.slice(version)) await client.query(statements);
  await client.query(`insert into ${OWN_SCHEMA}.schema_version values ($1)`, [VERSIONS.length]);
}

/** Whether an engine has worked on the database before. */
export async function hasOwnTables(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ found: boolean }>(
    "select exists (select from pg_tables where schemaname = $1 and tablename = 'event_log') as found",
    [OWN_SCHEMA],
  );
  return rows[0]?.found === true;
}
