import { readJson } from "@control-plane/service-kit/read-json";
import type { ExtractTablesWithRelations } from "drizzle-orm";
import { drizzle, type NodePgDatabase, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgTransaction } from "drizzle-orm/pg-core";
import pg from "pg";
import { schema } from "./schema/schema.ts";
import { type DatabaseWork, type TimeLimits, timeLimits, WAIT_MS_MAX_DEFAULT } from "./time-limits.ts";
import { watchAnswers } from "./watch-answers.ts";

type Schema = typeof schema;

/** drizzle over a pool. */
export type Database = NodePgDatabase<Schema> & { $client: pg.Pool };
export type Transaction = PgTransaction<NodePgQueryResultHKT, Schema, ExtractTablesWithRelations<Schema>>;
/** What a store function needs: the pool, or a transaction somebody opened. */
export type Queryable = Database | Transaction;

export type DatabaseClient = { db: Database; pool: pg.Pool; limits: TimeLimits; close(): Promise<void> };

export type DatabaseOptions = {
  url: string;
  poolMax: number;
  applicationName: string;
  /** What the connections are for; each kind of work has a pool of its own. */
  work: DatabaseWork;
  /** Longest that one request may wait for PostgreSQL, in milliseconds. */
  waitMsMax?: number;
};

/** Of the process, since drizzle asks there and not at the pool: JSON that is read keeps its digits, as JSON that came in does. */
for (const type of [pg.types.builtins.JSON, pg.types.builtins.JSONB]) pg.types.setTypeParser(type, readJson);

/**
 * Whoever waits for an answer looks rows up, so PostgreSQL never scans for them as suited a table that was empty when it
 * planned. It holds for the checks of foreign keys as well, which are planned once for a connection.
 */
const LOOKUPS = "-c enable_seqscan=off";
/** The same few statements over and over: planned once, too. */
const FEW_LOOKUPS = `${LOOKUPS} -c plan_cache_mode=force_generic_plan`;
const PLANS: Partial<Record<DatabaseWork, string>> = { request: LOOKUPS, intake: FEW_LOOKUPS, runner: FEW_LOOKUPS };

/**
 * A pool with the drizzle client over it. Nothing connects before the first query, and nothing waits without end: getting
 * a connection, a lock, a statement and an answer from a server that hangs are bounded by the kind of work. An idle
 * connection that the server ends (restart, failover) is dropped and replaced at the next query.
 */
export function createDatabase(options: DatabaseOptions): DatabaseClient {
  const limits = timeLimits(options.work, options.waitMsMax ?? WAIT_MS_MAX_DEFAULT);
  const plans = PLANS[options.work];
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolMax,
    application_name:
      options.work === "command" ? options.applicationName : `${options.applicationName} ${options.work}`,
    connectionTimeoutMillis: limits.connectMs,
    lock_timeout: limits.lockMs,
    statement_timeout: limits.statementMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    // What is sent on a connection goes out at once, see createPipeline.
    pipeline: options.work === "intake",
    ...(plans === undefined ? {} : { options: plans }),
  });
  // Without listeners a lost connection would end the process: the pool hears of idle ones, a connection in use or on
  // its way out has to be listened to itself. What ran on it fails with the same error.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
    watchAnswers(client, limits.answerMs);
  });
  return { db: drizzle(pool, { schema }), pool, limits, close: () => pool.end() };
}
