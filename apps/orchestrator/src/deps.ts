import { assertDatabaseFit, createDatabase, type Database, type DatabaseWork, isHeldUpByLock } from "@control-plane/db";
import {
  createPublisher,
  type OpenQueue,
  openQueue,
  openRateStore,
  type Publisher,
  type RunRequested,
  runEvents,
  runRequested,
} from "@control-plane/queue";
import {
  type BulkSettings,
  type Claim,
  type ClaimOutcome,
  claimRuns,
  type InOrderOutcome,
  type InOrderWrite,
  type LeaseSettings,
  type LostJobSettings,
  type SweepSettings,
  writeInOrder,
} from "@control-plane/runs";
import {
  type Batcher,
  createBatcher,
  createLogger,
  createMetrics,
  createSharedRateWindows,
  createWakeSignal,
  type Logger,
  type Metrics,
  quietly,
  registerPoolMetrics,
  type SharedRateWindow,
  type WakeSignal,
} from "@control-plane/service-kit";
import type pg from "pg";
import type { Config } from "./config.ts";
import { createDispatchWindow, type DispatchWindow } from "./domain/dispatch-window.ts";
import { assertRedisFit } from "./redis-fit.ts";
import type { OpsOptions } from "./routes/ops.ts";
import { createRunMetrics, type RunMetrics } from "./run-metrics.ts";
import { createScheduleMetrics, type ScheduleMetrics } from "./schedule-metrics.ts";

export type Deps = {
  /** For actions; bulk actions, runners and loops have connections of their own, so that none waits for another. */
  db: Database;
  runnerDb: Database;
  /** For actions that go through many rows. */
  bulkDb: Database;
  loopDb: Database;
  pool: pg.Pool;
  databaseUrl: string;
  requests: Publisher<RunRequested>;
  /** The queue of runners' events, as far as it is not taken from by its consumer. */
  eventJobs: OpenQueue;
  /** What operators see; undefined where nobody is to. */
  ops: OpsOptions | undefined;
  runRate: SharedRateWindow;
  lease: LeaseSettings;
  heartbeatSeconds: number;
  sweep: SweepSettings & LostJobSettings;
  bulk: BulkSettings;
  dispatchWindow: DispatchWindow;
  /** Schedule triggers per transaction. */
  scheduleBatch: number;
  authActionsUrl: string;
  runnerTokens: readonly string[];
  /** A slot is free or a run is waiting: the dispatch loop of this process need not sleep on. */
  dispatchSignal: WakeSignal;
  /** Events of many runs go together in one statement; a run whose row is locked holds up nobody else. */
  eventWrites: Batcher<InOrderWrite, InOrderOutcome>;
  /** Claims likewise. */
  claims: Batcher<Claim, ClaimOutcome>;
  log: Logger;
  metrics: Metrics;
  runMetrics: RunMetrics;
  scheduleMetrics: ScheduleMetrics;
};

/** Runs a tenant may start by hand in 10 s, over all replicas. */
const RUNS_PER_WINDOW = 100;
const RATE_WINDOW_MS = 10_000;
const SWEEP_BATCH = 100;
const SCHEDULE_BATCH = 100;
const LOOP_CONNECTIONS = 4;
/** What is read for each may hold an input of 1 MiB. */
const CLAIMS_TOGETHER_MAX = 16;
/** Calls for many runs at once: each holds a connection until it is done. */
const BULK_CONNECTIONS = 4;
/** A call ends well within the time that Hasura waits for it. */
const BULK = { batch: 100, workMs: 8_000 };

export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "orchestrator", level: config.LOG_LEVEL });
  const open = (work: DatabaseWork, poolMax: number) =>
    createDatabase({
      url: config.DATABASE_URL,
      poolMax,
      applicationName: "orchestrator",
      work,
      waitMsMax: config.DATABASE_WAIT_MS_MAX,
    });
  const actions = open("request", config.DATABASE_POOL_MAX);
  const runners = open("runner", config.DATABASE_POOL_MAX);
  const bulk = open("bulk", BULK_CONNECTIONS);
  const loops = open("loop", LOOP_CONNECTIONS);
  await assertDatabaseFit(actions.pool, "cp_orchestrator");
  await assertRedisFit(config.REDIS_URL, log);
  const onError = quietly((error) => log.warn({ err: error }, "redis is not reachable"));
  const redis = { url: config.REDIS_URL, prefix: config.QUEUE_PREFIX };
  const requests = createPublisher(runRequested, redis, onError);
  const eventJobs = openQueue(runEvents.name, redis, onError);
  const secret = config.OPS_SECRET;
  const requestJobs = secret === undefined ? undefined : openQueue(runRequested.name, redis, onError);
  const rates = openRateStore(redis, onError);
  const metrics = createMetrics("orchestrator");
  const lease = { leaseSeconds: config.LEASE_SECONDS };
  const deps: Deps = {
    db: actions.db,
    runnerDb: runners.db,
    bulkDb: bulk.db,
    loopDb: loops.db,
    pool: actions.pool,
    databaseUrl: config.DATABASE_URL,
    requests,
    eventJobs,
    ops: secret === undefined || requestJobs === undefined ? undefined : { secret, queues: [requestJobs, eventJobs] },
    runRate: createSharedRateWindows(rates)("run-workflow", RUNS_PER_WINDOW, RATE_WINDOW_MS),
    lease,
    heartbeatSeconds: config.HEARTBEAT_SECONDS,
    sweep: {
      cancelGraceSeconds: config.CANCEL_GRACE_SECONDS,
      queuedCheckSeconds: config.QUEUED_CHECK_SECONDS,
      batch: SWEEP_BATCH,
    },
    bulk: BULK,
    dispatchWindow: createDispatchWindow(config.DISPATCH_WINDOW),
    scheduleBatch: SCHEDULE_BATCH,
    authActionsUrl: config.AUTH_ACTIONS_URL.replace(/\/$/, ""),
    runnerTokens: config.RUNNER_TOKENS,
    dispatchSignal: createWakeSignal(),
    claims: createBatcher({
      write: (claims) => claimRuns(runners.db, claims, lease),
      laneOf: ({ runId }) => runId,
      isHeldUp: isHeldUpByLock,
      batchMax: CLAIMS_TOGETHER_MAX,
    }),
    eventWrites: createBatcher({
      write: (writes) => writeInOrder(runners.db, writes, lease),
      laneOf: ({ runId }) => runId,
      isHeldUp: isHeldUpByLock,
    }),
    log,
    metrics,
    runMetrics: createRunMetrics(metrics, loops.pool),
    scheduleMetrics: createScheduleMetrics(metrics, loops.pool),
  };
  registerPoolMetrics(metrics, { request: actions.pool, runner: runners.pool, bulk: bulk.pool, loop: loops.pool });
  const close = async (): Promise<void> => {
    await deps.claims.drain();
    await deps.eventWrites.drain();
    await requests.close();
    await eventJobs.close();
    await requestJobs?.close();
    await rates.close();
    await Promise.all([actions, runners, bulk, loops].map((database) => database.close()));
  };
  return { deps, close };
}
