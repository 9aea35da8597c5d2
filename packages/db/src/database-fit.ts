import { readMigrationFiles } from "drizzle-orm/migrator";
import type pg from "pg";
import { migrationsFolder } from "./migrate.ts";
import { LOGIN_ROLES, type LoginRole } from "./roles.ts";

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

/** Reported at boot under the name of the setting that led here. */
class DatabaseUnfitError extends Error {
  readonly setting = "DATABASE_URL";
}

/** What a person can do about a connection that did not come about, by the code of its error. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /^28P01$/,
    "PostgreSQL refuses this account's password; mend it, or set it with db:migrate (CP_AUTH_PASSWORD and so on)",
  ],
  [/^28/, "PostgreSQL does not let this account in; run db:migrate, which makes the services' roles"],
  [/^3D000$/, "there is no such database; create it, then run db:migrate"],
  [/^42501$/, "this account may not read which migrations have run; name this service's own role"],
  [/^(E[A-Z_]+|08...|53...|57P0.)$/, "PostgreSQL cannot be reached; start it, or mend the address"],
];

/**
 * @param role the service's own login role: another service's may lack what it needs
 * @throws Error naming every finding, and `DATABASE_URL` as the setting
 */
export async function assertDatabaseFit(pool: pg.Pool, role: LoginRole): Promise<void> {
  const faults = await findFaultsOf(pool, role).catch((error: unknown) => [connectionFault(error)]);
  if (faults.length > 0) throw new DatabaseUnfitError(`the database does not fit: ${faults.join("; ")}`);
}

async function findFaultsOf(pool: pg.Pool, role: LoginRole): Promise<string[]> {
  const { rows } = await pool.query<{ account: string }>("select current_user as account");
  const account = rows[0]?.account;
  const isAnothers = LOGIN_ROLES.some((known) => known === account && known !== role);
  return isAnothers
    ? [`it is opened as ${account}, the role of another service; this one's is ${role}`]
    : findDatabaseFaults(pool);
}

/** Rethrows what is no matter of the connection. */
function connectionFault(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const isTimeout = error instanceof Error && error.message.startsWith("timeout exceeded when trying to connect");
  const remedy = REMEDIES.find(([codes]) => codes.test(isTimeout ? "ETIMEDOUT" : code))?.[1];
  if (remedy === undefined) throw error;
  return `${remedy} (${isTimeout ? "no answer in time" : code})`;
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
