import { createDatabase, type Database } from "@control-plane/db";
import { findQueuedTooLong, queueRuns, sweepRuns } from "@control-plane/runs";
import { z } from "zod";
import { query, urlAs } from "../data/server.ts";
import type { BarResult } from "../rounds.ts";
import { onFreshStores, type RunBarOptions } from "../runs/fresh-stores.ts";
import { addTenant, type StackOptions } from "../runs/run-stack.ts";
import { judgeLimit, medianOf } from "../verdict.ts";

const TENANTS = 20;
const SMALL = { ended: 1_000, waiting: 100 };
const LARGE = { ended: 1_000_000, waiting: 100_000 };
/** Leaves something of the 100 for each measured pass. */
const WINDOW_STEP = 4;
const PASSES = 15;
const RATIO_MAX = 1.5;
const settings = { cancelGraceSeconds: 30, queuedCheckSeconds: 30, batch: 100 };

type Cost = { rows: number; ms: number };

/** What a dispatch pass and a sweep cost over a thousand times the runs. */
export async function costBar(options: RunBarOptions): Promise<BarResult> {
  const measure = (scale: typeof SMALL) => onFreshStores(options, (stores) => costOver(stores, scale));
  const [small, large] = [await measure(SMALL), await measure(LARGE)];
  const limits = (["dispatch", "sweep"] as const).flatMap((what) => {
    const [few, many] = [small[what], large[what]];
    options.log(
      `COST ${what}: ${few.rows} rows, ${few.ms.toFixed(2)} ms; large ${many.rows} rows, ${many.ms.toFixed(2)} ms`,
    );
    return [
      judgeLimit({ name: `${what}, rows read`, value: many.rows / few.rows, max: RATIO_MAX, unit: "×" }),
      judgeLimit({ name: `${what}, time`, value: many.ms / few.ms, max: RATIO_MAX, unit: "×" }),
    ];
  });
  const title = "a pass over 1,000,000 ended and 100,000 waiting runs against one over 1,000 and 100";
  return { id: "COST", title, ours: "orchestrator", rounds: [], ratios: [], limits, voided: [], skipped: [] };
}

async function costOver({ databaseUrl }: StackOptions, scale: typeof SMALL): Promise<{ dispatch: Cost; sweep: Cost }> {
  for (let n = 0; n < TENANTS; n++) await addTenant(databaseUrl, `tenant-${n}`);
  await fill(databaseUrl, scale);
  const { db, close } = createDatabase({
    url: urlAs(databaseUrl, "cp_orchestrator"),
    poolMax: 1,
    applicationName: "bench",
    work: "command",
  });
  try {
    let window = 0;
    const dispatch = await costOf(db, () => {
      window += WINDOW_STEP;
      return queueRuns(db, window);
    });
    const sweep = await costOf(db, async () => {
      await sweepRuns(db, settings);
      await findQueuedTooLong(db, settings, []);
    });
    return { dispatch, sweep };
  } finally {
    await close();
  }
}

/** The median of the passes. The first ones plan and fill caches. */
async function costOf(db: Database, pass: () => Promise<unknown>): Promise<Cost> {
  for (let warmUp = 0; warmUp < 3; warmUp++) await pass();
  const costs: Cost[] = [];
  for (let index = 0; index < PASSES; index++) {
    const before = await rowsRead(db);
    const startedAt = performance.now();
    await pass();
    const ms = performance.now() - startedAt;
    costs.push({ ms, rows: (await rowsRead(db)) - before });
  }
  return { rows: medianOf(costs.map(({ rows }) => rows)), ms: medianOf(costs.map(({ ms }) => ms)) };
}

async function rowsRead(db: Database): Promise<number> {
  await db.$client.query("select pg_stat_force_next_flush()");
  const { rows } = await db.$client.query(
    `select (select sum(seq_tup_read) from pg_stat_user_tables where relname = 'workflow_runs')
          + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'workflow_runs') as read`,
  );
  return z.array(z.object({ read: z.coerce.number() })).parse(rows)[0]?.read ?? 0;
}

/** Ended and waiting runs, spread evenly; triggers and keys rest meanwhile. Statistics are those of the empty table. */
async function fill(url: string, { ended, waiting }: typeof SMALL): Promise<void> {
  await query(url, "alter table workflow_runs set (autovacuum_enabled = off)");
  await query(url, "analyze workflow_runs");
  await query(
    url,
    `set session_replication_role = replica;
     insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, status, source, max_attempts, run_at, deadline_at,
                                started_at, finished_at, change_seq)
     select v.tenant_id, v.workflow_id, v.id, s.status::run_status, 'MANUAL', 3, now() - make_interval(secs => 10 + n * 0.01),
            now() + interval '1 day', case when s.status <> 'PENDING' then now() end,
            case when s.status <> 'PENDING' then now() end, 0
       from workflow_versions v join tenants t on t.id = v.tenant_id and t.slug like 'tenant-%'
      cross join (values ('SUCCEEDED', ${ended / TENANTS}), ('PENDING', ${waiting / TENANTS})) s (status, count)
      cross join lateral generate_series(1, s.count) n`,
  );
}
