import type { Metrics } from "./metrics.ts";

/** What a pg pool tells about itself. */
export type PoolCounts = { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number };

/** How many connections of each pool are in use and idle, and how many callers wait for one. `pools` by kind of work. */
export function registerPoolMetrics(metrics: Metrics, pools: Readonly<Record<string, PoolCounts>>): void {
  const each = (report: (work: string, pool: PoolCounts) => void): void => {
    for (const [work, pool] of Object.entries(pools)) report(work, pool);
  };
  metrics.gauge("database_pool_connections", "connections of a pool by state", ["work", "state"], (gauge) =>
    each((work, pool) => {
      gauge.set({ work, state: "used" }, pool.totalCount - pool.idleCount);
      gauge.set({ work, state: "idle" }, pool.idleCount);
    }),
  );
  metrics.gauge("database_pool_waiting", "callers that wait for a connection", ["work"], (gauge) =>
    each((work, pool) => gauge.set({ work }, pool.waitingCount)),
  );
}
