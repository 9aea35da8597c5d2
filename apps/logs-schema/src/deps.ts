import { assertDatabaseFit, createDatabase, type Database } from "@control-plane/db";
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  registerPoolMetrics,
} from "@control-plane/service-kit";
import { MongoClient } from "mongodb";
import type pg from "pg";
import type { Config } from "./config.ts";
import { type Breaker, createBreaker } from "./domain/breaker.ts";
import type { LogStore } from "./store/execution-logs.ts";

/** A connection that has been silent for so long is given up; else those that hung would outlive an outage. */
const SILENT_CONNECTION_MS = 5_000;

export type Deps = {
  db: Database;
  pool: pg.Pool;
  mongo: MongoClient;
  logs: LogStore;
  breaker: Breaker;
  log: Logger;
  metrics: Metrics;
};

/** MongoDB may be away at start: pages then say so, and the client connects when it is back. */
export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "logs-schema", level: config.LOG_LEVEL });
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "logs-schema",
    work: "request",
    waitMsMax: config.DATABASE_WAIT_MS_MAX,
  });
  await assertDatabaseFit(database.pool, "cp_logs");
  const waitMsMax = config.LOGS_WAIT_MS_MAX;
  const mongo = new MongoClient(config.MONGODB_URL, {
    serverSelectionTimeoutMS: waitMsMax,
    connectTimeoutMS: waitMsMax,
    waitQueueTimeoutMS: waitMsMax,
    socketTimeoutMS: Math.max(SILENT_CONNECTION_MS, waitMsMax),
    maxPoolSize: 20,
  });
  const deps: Deps = {
    db: database.db,
    pool: database.pool,
    mongo,
    logs: { lines: mongo.db().collection("execution_logs"), waitMsMax },
    breaker: createBreaker(performance.now.bind(performance)),
    log,
    metrics: createMetrics("logs-schema"),
  };
  registerPoolMetrics(deps.metrics, { request: database.pool });
  const close = async (): Promise<void> => {
    await mongo.close();
    await database.close();
  };
  return { deps, close };
}
