import { databaseUrl, migrate } from "@control-plane/db";
import pg from "pg";
import { query, rolePasswords, urlAs } from "./server.ts";

export type Scale = { readonly tenants: number; readonly workflows: number; readonly runs: number };

/** The rows that P8 and P9 are measured over. */
export const FULL_SCALE: Scale = { tenants: 50, workflows: 5_000, runs: 200_000 };

export type LoadedRuns = {
  readonly url: string;
  /** As login role cp_hasura, whom the engine serves with. */
  readonly hasuraUrl: string;
  /** As login role cp_auth, with which auth-actions works. */
  readonly authUrl: string;
  drop(): Promise<void>;
};

/**
 * A database of its own on the server, with the schema from its migrations, one viewer per tenant, workflows with one
 * published version, and runs spread evenly. Triggers and foreign keys rest while it is filled; counts are checked.
 */
export async function loadRuns(serverUrl: string, scale: Scale): Promise<LoadedRuns> {
  const name = `bench_${process.pid}_${Date.now().toString(36)}`;
  await query(serverUrl, `create database ${name}`);
  const url = databaseUrl(serverUrl, name);
  const drop = async (): Promise<void> => {
    await query(serverUrl, `drop database if exists ${name} with (force)`);
  };
  try {
    await migrate({ url, passwords: rolePasswords });
    await fill(url, scale);
  } catch (error) {
    await drop();
    throw error;
  }
  return { url, hasuraUrl: urlAs(url, "cp_hasura"), authUrl: urlAs(url, "cp_auth"), drop };
}

async function fill(url: string, { tenants, workflows, runs }: Scale): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("set session_replication_role = replica");
    await client.query(
      "insert into tenants (slug, name) select 'tenant-' || i, 'Tenant ' || i from generate_series(1, $1::int) i",
      [tenants],
    );
    await client.query(
      `insert into users (email, name, password_hash, last_tenant_id)
       select slug || '@example.com', 'Viewer of ' || name, 'none', id from tenants`,
    );
    await client.query(
      "insert into memberships (tenant_id, user_id, role) select last_tenant_id, id, 'viewer' from users",
    );
    await client.query(
      `insert into workflows (tenant_id, name)
       select t.id, 'Workflow ' || i from tenants t, generate_series(1, $1::int) i`,
      [workflows / tenants],
    );
    await client.query(
      `insert into workflow_versions (tenant_id, workflow_id, version, definition, content_hash, is_latest, published_at)
       select tenant_id, id, 1, '{"schemaVersion": 1}', md5(id::text), true, now() from workflows`,
    );
    await client.query(
      `insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, status, source, input, max_attempts,
                                  run_at, deadline_at, started_at, finished_at, change_seq, created_at)
       select v.tenant_id, v.workflow_id, v.id, 'SUCCEEDED', 'MANUAL', jsonb_build_object('n', i), 3,
              at, at + interval '1 day', at, at + interval '2 s', nextval('internal.workflow_runs_change_seq'), at
         from workflow_versions v, generate_series(1, $1::int) i,
              lateral (select now() - make_interval(mins => i, secs => random() * 50) as at) t`,
      [runs / workflows],
    );
    await client.query("set session_replication_role = origin");
    await client.query("vacuum (analyze)");
    await checkCounts(client, { tenants, workflows, runs });
  } finally {
    await client.end();
  }
}

/** Throws when the database does not hold exactly this. */
export async function checkCounts(client: pg.Client, scale: Scale): Promise<void> {
  const { rows } = await client.query<Scale>(
    `select (select count(*)::int from tenants) as tenants, (select count(*)::int from workflows) as workflows,
            (select count(*)::int from workflow_runs) as runs`,
  );
  if (JSON.stringify(rows[0]) !== JSON.stringify(scale))
    throw new Error(`the database holds ${JSON.stringify(rows[0])}, wanted ${JSON.stringify(scale)}`);
}

export type SampleTenant = { readonly tenantId: string; readonly userId: string; readonly runIds: readonly string[] };

/** Every tenant with its viewer and some of its runs, to ask for. */
export async function sampleTenants(url: string, runsEach: number): Promise<SampleTenant[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<SampleTenant>(
      `select m.tenant_id as "tenantId", m.user_id as "userId",
              (select array_agg(id) from (select id from workflow_runs r where r.tenant_id = m.tenant_id
                                           order by md5(id::text) limit $1) s) as "runIds"
         from memberships m order by m.tenant_id`,
      [runsEach],
    );
    return rows;
  } finally {
    await client.end();
  }
}
