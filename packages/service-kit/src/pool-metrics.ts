import type { Metrics } from "./metrics.ts";

/** What a pg pool tells about itself. */
export type PoolCounts = { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number };

/** How many connections of the pool are in use and idle, and how many callers wait for one. */
export function registerPoolMetrics(metrics: Metrics, pool: PoolCounts): void {
  metrics.gauge("database_pool_connections", "connections of the database pool by state", ["state"], (gauge) => {
    gauge.set({ state: "used" }, pool.totalCount - pool.idleCount);
    gauge.set({ state: "idle" }, pool.idleCount);
  });
  metrics.gauge("database_pool_waiting", "callers that wait for a connection", [], (gauge) => {
    gauge.set(pool.waitingCount);
  });
}
