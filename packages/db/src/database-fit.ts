import { readMigrationFiles } from "drizzle-orm/migrator";
import type pg from "pg";
import { migrationsFolder } from "./migrate.ts";

const SERVER_VERSION_MIN = 180_000;

/**
 * Boot check of every service: a server that may forget acknowledged rows, is too old, or lacks migrations is refused.
 * @returns all findings at once, empty when the database fits
 */
export async function findDatabaseFaults(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ version: number; fsync: string; synchronous_commit: string }>(
    `select current_setting('server_version_num')::int as version, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as synchronous_commit`,
  );
  const server = rows[0];
  if (server === undefined) return ["the database did not describe itself"];
  const faults: string[] = [];
  if (server.version < SERVER_VERSION_MIN)
    faults.push(`PostgreSQL 18 or newer is needed, the server is ${server.version}`);
  if (server.fsync !== "on") faults.push("fsync is off: a crash would lose acknowledged rows");
  if (server.synchronous_commit === "off")
    faults.push("synchronous_commit is off: a crash would lose acknowledged rows");
  faults.push(...(await findMissingMigrations(pool)));
  return faults;
}

/** @throws Error naming every finding */
export async function assertDatabaseFit(pool: pg.Pool): Promise<void> {
  const faults = await findDatabaseFaults(pool);
  if (faults.length > 0) throw new Error(`the database does not fit: ${faults.join("; ")}`);
}

async function findMissingMigrations(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ present: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as present",
  );
  if (rows[0]?.present !== true) return ["no migration has run: run db:migrate"];
  // Like drizzle's migrator, by when each was made: a comment put right in an old file is no new migration.
  const applied = await pool.query<{ made_at: string }>(
    "select created_at::text as made_at from drizzle.__drizzle_migrations",
  );
  const made = new Set(applied.rows.map((row) => Number(row.made_at)));
  const missing = readMigrationFiles({ migrationsFolder }).filter(({ folderMillis }) => !made.has(folderMillis)).length;
  return missing === 0 ? [] : [`${missing} migrations are missing: run db:migrate`];
}
