import type pg from "pg";
import { expect } from "vitest";

/**
 * Locks a row in a transaction of its own, so that everybody else who wants it waits.
 * @param statement what the transaction does instead of only locking; $1 is the id
 * @returns commits
 */
export async function holdRow(
  pool: pg.Pool,
  table: string,
  id: string,
  statement = `select 1 from ${table} where id = $1 for update`,
): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query("begin");
  await client.query(statement, [id]);
  return async () => {
    await client.query("commit");
    client.release();
  };
}

/** Until so many sessions of this database wait for a lock. */
export async function waitForWaiters(pool: pg.Pool, count: number): Promise<void> {
  const waiting = async (): Promise<number> => {
    const { rows } = await pool.query<{ count: string }>(
      "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return Number(rows[0]?.count);
  };
  await expect.poll(waiting).toBe(count);
}
