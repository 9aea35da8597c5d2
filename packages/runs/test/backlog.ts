import { createDatabase, type Database, type DatabaseWork } from "@control-plane/db";
import type { TestDatabase } from "@control-plane/testkit";
import { z } from "zod";

/**
 * Runs as they would lie there after a day: of each workflow so many that ended and so many that wait. Planned for by
 * PostgreSQL as if the table were empty, as it is after a burst into a quiet system.
 */
export async function fillRuns(
  { pool }: TestDatabase,
  each: { ended: number; waiting: number; running?: number },
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("alter table workflow_runs set (autovacuum_enabled = off)");
    await client.query("analyze workflow_runs");
    await client.query("set session_replication_role = replica");
    await client.query(
      `insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, status, source, max_attempts, run_at,
                                  deadline_at, started_at, finished_at, lease_expires_at, change_seq)
       select v.tenant_id, v.workflow_id, v.id, s.status::run_status, 'MANUAL', 3, now() - make_interval(secs => 100 + n),
              now() + interval '1 hour', case when s.status <> 'PENDING' then now() end,
              case when s.status = 'SUCCEEDED' then now() end,
              case when s.status = 'RUNNING' then now() - interval '1 second' end, 0
         from workflow_versions v
        cross join (values ('SUCCEEDED', $1::int), ('PENDING', $2::int), ('RUNNING', $3::int)) s (status, count)
        cross join lateral generate_series(1, s.count) n
        where v.is_latest`,
      [each.ended, each.waiting, each.running ?? 0],
    );
  } finally {
    await client.query("set session_replication_role = origin");
    client.release();
  }
}

const countersSchema = z.tuple([z.object({ scanned: z.coerce.number(), read: z.coerce.number() })]);

/** Rows of runs and steps that the work reads: by scans of the tables, and entries of their indexes. */
export async function rowsRead(
  db: TestDatabase,
  work: (db: Database) => Promise<unknown>,
  kind: DatabaseWork = "loop",
) {
  // One connection: the server counts a session's reads once that session says so.
  const client = createDatabase({
    url: db.urlAs("cp_orchestrator"),
    poolMax: 1,
    applicationName: "rows read",
    work: kind,
    waitMsMax: 20_000,
  });
  const count = async () => {
    await client.pool.query("select pg_stat_force_next_flush()");
    const { rows } = await client.pool.query(
      `select (select sum(seq_tup_read) from pg_stat_user_tables where relname in ('workflow_runs', 'step_runs')) as scanned,
              (select sum(idx_tup_read) from pg_stat_user_indexes where relname in ('workflow_runs', 'step_runs')) as read`,
    );
    return countersSchema.parse(rows)[0];
  };
  try {
    const before = await count();
    await work(client.db);
    const after = await count();
    return { scanned: after.scanned - before.scanned, read: after.read - before.read };
  } finally {
    await client.close();
  }
}
