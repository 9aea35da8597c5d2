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
import { type LogCollection, STORE_TIMEOUT_MS } from "./store/execution-logs.ts";

/** A connection that has been silent for so long is given up; else those that hung would outlive an outage. */
const SILENT_CONNECTION_MS = 5_000;

export type Deps = {
  db: Database;
  pool: pg.Pool;
  mongo: MongoClient;
  logs: LogCollection;
  breaker: Breaker;
  log: Logger;
  metrics: Metrics;
};

/** MongoDB may be away at start: pages then say so, and the client connects when it is back. */
export async function createDeps(config: Config): Promise<{ deps: Deps; close: () => Promise<void> }> {
  const log = createLogger({ service: "logs-schema", level: config.LOG_LEVEL });
  const database = createDatabase({
    url: withQueryTimeout(config.DATABASE_URL),
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "logs-schema",
  });
  await assertDatabaseFit(database.pool);
  const mongo = new MongoClient(config.MONGODB_URL, {
    serverSelectionTimeoutMS: STORE_TIMEOUT_MS,
    connectTimeoutMS: STORE_TIMEOUT_MS,
    waitQueueTimeoutMS: STORE_TIMEOUT_MS,
    socketTimeoutMS: SILENT_CONNECTION_MS,
    maxPoolSize: 20,
  });
  const deps: Deps = {
    db: database.db,
    pool: database.pool,
    mongo,
    logs: mongo.db().collection("execution_logs"),
    breaker: createBreaker(performance.now.bind(performance)),
    log,
    metrics: createMetrics("logs-schema"),
  };
  registerPoolMetrics(deps.metrics, database.pool);
  const close = async (): Promise<void> => {
    await mongo.close();
    await database.close();
  };
  return { deps, close };
}

/** The driver reads this setting of its own from the URL's query. */
function withQueryTimeout(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("query_timeout", String(SILENT_CONNECTION_MS));
  return url.toString();
}
