import type { Metrics } from "@control-plane/service-kit";
import type pg from "pg";
import { z } from "zod";
import { readGauge } from "./read-gauge.ts";

const LAG_BUCKETS_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800];
const OPEN_STATUSES = ["PENDING", "QUEUED", "RUNNING", "CANCELLING"] as const;

const COUNT_OPEN = `select status::text, count(*)::int as runs from workflow_runs
  where status in ('PENDING','QUEUED','RUNNING','CANCELLING') group by status`;
const OLDEST_DUE = `select coalesce(extract(epoch from now() - min(run_at)), 0)::float8 as seconds from workflow_runs
  where status = 'PENDING' and run_at <= now()`;

const countsSchema = z.array(z.object({ status: z.enum(OPEN_STATUSES), runs: z.int() }));
const oldestSchema = z.tuple([z.object({ seconds: z.number() })]);

type Counter = ReturnType<Metrics["counter"]>;

export type RunMetrics = {
  events: Counter;
  deadLetters: Counter;
  leasesLapsed: Counter;
  dispatchLag: ReturnType<Metrics["histogram"]>;
};

/**
 * What operators watch. The gauges are read when somebody asks, from the partial indexes of open runs; while PostgreSQL
 * is away they are NaN and the other metrics still answer.
 */
export function createRunMetrics(metrics: Metrics, pool: Pick<pg.Pool, "query">): RunMetrics {
  metrics.gauge("runs", "open runs by status", ["status"], async (gauge) => {
    const counts = await readGauge(pool, COUNT_OPEN, countsSchema);
    const runs = (wanted: string) => counts?.find(({ status }) => status === wanted)?.runs ?? 0;
    for (const status of OPEN_STATUSES) gauge.set({ status }, counts === undefined ? Number.NaN : runs(status));
  });
  metrics.gauge("oldest_pending_run_seconds", "how long the oldest run that is due waits", [], async (gauge) => {
    gauge.set((await readGauge(pool, OLDEST_DUE, oldestSchema))?.[0].seconds ?? Number.NaN);
  });
  return {
    events: metrics.counter("run_events_total", "batches of run events by outcome", ["outcome"]),
    deadLetters: metrics.counter("dead_letters_total", "dead letters made, by kind", ["kind"]),
    leasesLapsed: metrics.counter("run_leases_lapsed_total", "runs whose runner was lost"),
    dispatchLag: metrics.histogram(
      "run_dispatch_lag_seconds",
      "from the time a run was due until it was queued",
      [],
      LAG_BUCKETS_SECONDS,
    ),
  };
}
