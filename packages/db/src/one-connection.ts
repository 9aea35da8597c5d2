import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import type pg from "pg";
import type { Database } from "./client.ts";
import { schema } from "./schema/schema.ts";

export type Connection = NodePgDatabase<typeof schema> & { $client: pg.PoolClient };

/** drizzle's client of a connection is worth keeping: making one goes through the whole schema. */
const connections = new WeakMap<pg.PoolClient, Connection>();

/**
 * Does the work on one connection of the pool and gives it back whatever happens. (drizzle's own transaction over a pool
 * keeps the connection for ever when `begin` fails.) A connection that broke leaves the pool.
 */
export async function onOneConnection<T>(db: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  const client = await db.$client.connect();
  try {
    return await work(connectionOf(client));
  } finally {
    client.release();
  }
}

export function connectionOf(client: pg.PoolClient): Connection {
  const known = connections.get(client);
  if (known !== undefined) return known;
  const made = drizzle(client, { schema });
  connections.set(client, made);
  return made;
}
