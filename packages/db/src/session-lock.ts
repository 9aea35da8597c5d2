import { sql } from "drizzle-orm";
import type pg from "pg";
import { type Actor, transactionOn } from "./actor.ts";
import type { Database, Transaction } from "./client.ts";
import { connectionOf } from "./one-connection.ts";

/** A connection on which nobody else can be who wants the same lock. */
export type LockedSession = {
  inTransaction<T>(actor: Actor, work: (tx: Transaction) => Promise<T>): Promise<T>;
};

/** A host that vanished without a word says nothing between two transactions: PostgreSQL then lets the lock go. */
const SILENCE_MS_MAX = 10_000;

/**
 * Does work of many transactions that nobody else does at the same time under this name; undefined, and nothing done, while
 * somebody else is at it. The lock belongs to the connection: it ends with the process, whatever ends that.
 */
export async function inLockedSession<T>(
  db: Database,
  name: string,
  work: (session: LockedSession) => Promise<T>,
): Promise<T | undefined> {
  const client = await db.$client.connect();
  // Unless it is known to be free, a connection that may hold the lock must not go back to the pool.
  let free = false;
  try {
    if (!(await tryLock(client, name))) {
      free = true;
      return undefined;
    }
    const result = await work({
      inTransaction: (actor, transaction) => transactionOn(connectionOf(client), actor, transaction),
    });
    free = await unlock(client, name);
    return result;
  } finally {
    client.release(!free);
  }
}

async function tryLock(client: pg.PoolClient, name: string): Promise<boolean> {
  const { rows } = await connectionOf(client).execute(
    sql`select pg_try_advisory_lock(hashtextextended(${name}, 0)) as held`,
  );
  if (rows[0]?.["held"] !== true) return false;
  await connectionOf(client).execute(sql`select set_config('idle_session_timeout', ${String(SILENCE_MS_MAX)}, false)`);
  return true;
}

async function unlock(client: pg.PoolClient, name: string): Promise<boolean> {
  await connectionOf(client).execute(sql`reset idle_session_timeout`);
  const { rows } = await connectionOf(client).execute(
    sql`select pg_advisory_unlock(hashtextextended(${name}, 0)) as free`,
  );
  return rows[0]?.["free"] === true;
}
