import { assertDatabaseFit, createDatabase, type Database } from "@control-plane/db";
import { createPublisher, type Publisher, type RunRequested, runRequested } from "@control-plane/queue";
import type { LeaseSettings, SweepSettings } from "@control-plane/runs";
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  registerPoolMetrics,
} from "@control-plane/service-kit";
import type pg from "pg";
import { assertRedisFit } from "./boot-check.ts";
import type { Config } from "./config.ts";
import { createRateWindow, type RateWindow } from "./domain/rate-window.ts";
import { createRunMetrics, type RunMetrics } from "./run-metrics.ts";

export type Deps = {
  db: Database;
  pool: pg.Pool;
  databaseUrl: string;
  requests: Publisher<RunRequested>;
  runRate: RateWindow;
  lease: LeaseSettings;
  heartbeatSeconds: number;
  sweep: SweepSettings;
  dispatchWindow: number;
  authActionsUrl: string;
  runnerTokens: readonly string[];
  /** Set by the dispatch loop; does nothing before it runs. */
  wakeDispatcher: () => void;
  log: Logger;
  metrics: Metrics;
  runMetrics: RunMetrics;
};

/** Runs a tenant may start by hand in 10 s. */
const RUNS_PER_WINDOW = 100;
const RATE_WINDOW_MS = 10_000;
const SWEEP_BATCH = 100;

export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "orchestrator", level: config.LOG_LEVEL });
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "orchestrator",
  });
  await assertDatabaseFit(database.pool);
  await assertRedisFit(config.REDIS_URL, log);
  const onError = quietly((error) => log.warn({ err: error }, "redis is not reachable"));
  const requests = createPublisher(runRequested, { url: config.REDIS_URL, prefix: config.QUEUE_PREFIX }, onError);
  const metrics = createMetrics("orchestrator");
  const deps: Deps = {
    db: database.db,
    pool: database.pool,
    databaseUrl: config.DATABASE_URL,
    requests,
    runRate: createRateWindow(RUNS_PER_WINDOW, RATE_WINDOW_MS),
    lease: { leaseSeconds: config.LEASE_SECONDS },
    heartbeatSeconds: config.HEARTBEAT_SECONDS,
    sweep: {
      cancelGraceSeconds: config.CANCEL_GRACE_SECONDS,
      queuedCheckSeconds: config.QUEUED_CHECK_SECONDS,
      batch: SWEEP_BATCH,
    },
    dispatchWindow: config.DISPATCH_WINDOW,
    authActionsUrl: config.AUTH_ACTIONS_URL.replace(/\/$/, ""),
    runnerTokens: config.RUNNER_TOKENS,
    wakeDispatcher: () => {},
    log,
    metrics,
    runMetrics: createRunMetrics(metrics, database.pool),
  };
  registerPoolMetrics(metrics, database.pool);
  const close = async (): Promise<void> => {
    await requests.close();
    await database.close();
  };
  return { deps, close };
}

const QUIET_MS = 10_000;

/** A store that is away reports itself many times a second; one line each 10 s is enough. */
function quietly(report: (error: Error) => void): (error: Error) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (performance.now() - last < QUIET_MS) return;
    last = performance.now();
    report(error);
  };
}
