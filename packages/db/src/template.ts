import { createHash } from "node:crypto";
import { readMigrationFiles } from "drizzle-orm/migrator";
import pg from "pg";
import { createDatabase } from "./client.ts";
import { migrate, migrationsFolder } from "./migrate.ts";
import type { LoginRole } from "./roles.ts";
import { catalogue } from "./seed/catalogue.ts";
import { seed } from "./seed/seed.ts";
import { sqlState } from "./sql-state.ts";

/** The source of a clone is in use (another clone is being made of it, autovacuum looks at it): worth another try. */
const SOURCE_IN_USE = "55006";
const TRIES_MAX = 50;

/** Named by what goes into it, so a changed migration or seed makes a new one and an unchanged one is made once. */
function templateName(): string {
  const hash = createHash("sha256");
  for (const migration of readMigrationFiles({ migrationsFolder })) hash.update(migration.hash);
  hash.update(JSON.stringify(catalogue));
  return `cp_template_${hash.digest("hex").slice(0, 16)}`;
}

/**
 * Makes the migrated and seeded template database unless it is there. Any number of processes may ask at once.
 * @param url an administrator's URL; its own database only serves as the place to connect to
 * @returns the template's name
 */
export async function createTemplate(url: string): Promise<string> {
  return withClient(url, (client) => findOrCreateTemplate(client, url));
}

async function findOrCreateTemplate(client: pg.Client, url: string): Promise<string> {
  const name = templateName();
  if (await databaseExists(client, name)) return name;
  await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [name]);
  if (await databaseExists(client, name)) return name;
  const building = `${name}_building`;
  await client.query(`drop database if exists ${building} with (force)`);
  await client.query(`create database ${building}`);
  await fillTemplate(databaseUrl(url, building));
  // Nobody may connect to a template, or cloning would have to wait for them.
  await client.query(`alter database ${building} allow_connections false`);
  await client.query(`alter database ${building} rename to ${name}`);
  return name;
}

async function fillTemplate(url: string): Promise<void> {
  await migrate({ url });
  const { db, close } = createDatabase({ url, poolMax: 1, applicationName: "template", work: "command" });
  try {
    await seed(db);
  } finally {
    await close();
  }
}

/**
 * A database of one's own with schema and catalogue, in some 100 ms.
 * @param name lower-case letters, digits and underscores
 * @returns its administrator's URL
 */
export async function cloneDatabase(url: string, name: string): Promise<string> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`not a database name: ${name}`);
  await withClient(url, async (client) => {
    const template = await findOrCreateTemplate(client, url);
    const strategy = (await isInMemory(client)) ? "file_copy" : "wal_log";
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.query(`create database ${name} template ${template} strategy ${strategy}`);
        return;
      } catch (error) {
        if (attempt >= TRIES_MAX || sqlState(error) !== SOURCE_IN_USE) throw error;
      }
    }
  });
  return databaseUrl(url, name);
}

/** Ends the sessions that still use it. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
  });
}

/** The same server and account, another database. */
export function databaseUrl(url: string, database: string): string {
  const target = new URL(url);
  target.pathname = `/${database}`;
  return target.toString();
}

/** The same server and database as one of the services sees it. Without a password the server must trust the address. */
export function roleUrl(url: string, role: LoginRole, password?: string): string {
  const target = new URL(url);
  target.username = role;
  target.password = password === undefined ? "" : encodeURIComponent(password);
  return target.toString();
}

/**
 * There a copy of the files costs a third of the server's usual way, through its buffers and its log; on a disk it costs
 * twice as much, as each file is synced. An account that may not see where the server's data lie sees no row.
 */
async function isInMemory(client: pg.ClientBase): Promise<boolean> {
  const { rowCount } = await client.query(
    "select 1 from pg_settings where name = 'data_directory' and setting like '/dev/shm/%'",
  );
  return rowCount === 1;
}

async function databaseExists(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
  return rowCount === 1;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: "template" });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
