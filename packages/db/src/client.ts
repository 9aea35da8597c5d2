import type { ExtractTablesWithRelations } from "drizzle-orm";
import { drizzle, type NodePgDatabase, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgTransaction } from "drizzle-orm/pg-core";
import pg from "pg";
import { schema } from "./schema/schema.ts";

type Schema = typeof schema;

export type Database = NodePgDatabase<Schema>;
export type Transaction = PgTransaction<NodePgQueryResultHKT, Schema, ExtractTablesWithRelations<Schema>>;
/** What a store function needs: the pool, or a transaction somebody opened. */
export type Queryable = Database | Transaction;

export type DatabaseClient = { db: Database; pool: pg.Pool; close(): Promise<void> };

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A pool with the drizzle client over it. Nothing connects before the first query. An idle connection that the server
 * ends (restart, failover) is dropped and replaced at the next query.
 */
export function createDatabase(options: { url: string; poolMax: number; applicationName: string }): DatabaseClient {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolMax,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // Without listeners a lost connection would end the process: the pool hears of idle ones, a connection in use or on
  // its way out has to be listened to itself. What ran on it fails with the same error.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return { db: drizzle(pool, { schema }), pool, close: () => pool.end() };
}
