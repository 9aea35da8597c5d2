import type { TestDatabase } from "@control-plane/testkit";
import type { Pool } from "pg";
import { expect } from "vitest";

/** Shuts the service out of PostgreSQL until the function it gives is called. */
export async function closeDatabase(db: TestDatabase, pool: Pool): Promise<() => Promise<void>> {
  await db.pool.query(`alter database ${db.name} connection limit 0`);
  await db.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'orchestrator' and datname = $1",
    [db.name],
  );
  await expect.poll(() => pool.totalCount).toBe(0);
  return async () => {
    await db.pool.query(`alter database ${db.name} connection limit -1`);
  };
}
