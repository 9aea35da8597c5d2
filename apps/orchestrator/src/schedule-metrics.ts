import type { Metrics } from "@control-plane/service-kit";
import type pg from "pg";
import { z } from "zod";
import { readGauge } from "./read-gauge.ts";

const LAG_BUCKETS_SECONDS = [0.5, 1, 2, 5, 15, 60, 300, 3_600, 86_400];

const OLDEST_DUE = `select coalesce(extract(epoch from now() - min(next_fire_at)), 0)::float8 as seconds from triggers
  where enabled and type = 'SCHEDULE' and next_fire_at <= now()`;
const oldestSchema = z.tuple([z.object({ seconds: z.number() })]);

export type ScheduleMetrics = {
  slots: ReturnType<Metrics["counter"]>;
  lag: ReturnType<Metrics["histogram"]>;
};

/** What operators watch of schedules. */
export function createScheduleMetrics(metrics: Metrics, pool: Pick<pg.Pool, "query">): ScheduleMetrics {
  metrics.gauge("oldest_due_schedule_seconds", "how long the oldest schedule that is due waits", [], async (gauge) => {
    gauge.set((await readGauge(pool, OLDEST_DUE, oldestSchema))?.[0].seconds ?? Number.NaN);
  });
  return {
    slots: metrics.counter("schedule_slots_total", "due slots of schedules by what became of them", ["outcome"]),
    lag: metrics.histogram("schedule_lag_seconds", "from a slot until its run was made", [], LAG_BUCKETS_SECONDS),
  };
}
