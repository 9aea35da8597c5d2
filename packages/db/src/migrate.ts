import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { ensureRoles, type LoginRole } from "./roles.ts";

export const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));

/** Any number that nothing else uses; `migrate` and the boot of a second replica meet on it. */
const MIGRATION_LOCK = 7_234_098_115;

export type MigrateOptions = {
  /** An account that may create roles and grant on the database. */
  url: string;
  /** Passwords to set; roles that are not named keep theirs. */
  passwords?: Partial<Record<LoginRole, string>>;
  /** Receives progress lines. */
  log?: (line: string) => void;
};

/** Brings a database up to this release's schema. Several at once are safe: they take turns, the later ones find nothing to do. */
export async function migrate(options: MigrateOptions): Promise<void> {
  const log = options.log ?? (() => undefined);
  const client = new pg.Client({ connectionString: options.url, application_name: "migrate" });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    log("roles: creating what is absent");
    await ensureRoles(client, options.passwords ?? {});
    await client.query("set role cp_owner");
    const before = await countApplied(client);
    const known = readMigrationFiles({ migrationsFolder }).length;
    log(`migrations: ${before} of ${known} applied`);
    await applyMigrations(drizzle(client), { migrationsFolder });
    log(`migrations: ${known} of ${known} applied`);
  } finally {
    // Ending the session also releases the lock.
    await client.end();
  }
}

async function countApplied(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ present: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as present",
  );
  if (rows[0]?.present !== true) return 0;
  const applied = await client.query<{ count: number }>(
    "select count(*)::int as count from drizzle.__drizzle_migrations",
  );
  return applied.rows[0]?.count ?? 0;
}
