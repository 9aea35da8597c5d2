import {
  cloneDatabase,
  createDatabase,
  type Database,
  type DatabaseClient,
  type LoginRole,
  roleUrl,
} from "@control-plane/db";
import pg from "pg";
import { storeUrl } from "./store-urls.ts";
import { uniqueName } from "./unique.ts";

const POOL_MAX = 10;
/** A closed connection's session ends on the server a moment later. */
const GRACE_MS = 2_000;

export type TestDatabase = {
  readonly name: string;
  /** As the administrator, whom no grant stops. */
  readonly url: string;
  readonly db: Database;
  readonly pool: pg.Pool;
  /** The URL as a service's login role sees it: what goes into a service's `DATABASE_URL`. */
  urlAs(role: LoginRole): string;
  /** A client of the role, made once, closed after the test. */
  as(role: LoginRole): DatabaseClient;
};

/** A database of one's own with schema and catalogue. `close` drops it and throws when somebody left a session open. */
export async function openTestDatabase(): Promise<TestDatabase & { close(): Promise<void> }> {
  const server = storeUrl("DATABASE_URL");
  const name = uniqueName("testkit");
  const url = await cloneDatabase(server, name);
  const administrator = createDatabase({ url, poolMax: POOL_MAX, applicationName: "testkit", work: "command" });
  const clients = new Map<LoginRole, DatabaseClient>();
  const urlAs = (role: LoginRole) => roleUrl(url, role, process.env[`${role.toUpperCase()}_PASSWORD`]);
  return {
    name,
    url,
    db: administrator.db,
    pool: administrator.pool,
    urlAs,
    as(role) {
      const client =
        clients.get(role) ??
        createDatabase({ url: urlAs(role), poolMax: POOL_MAX, applicationName: `testkit ${role}`, work: "command" });
      clients.set(role, client);
      return client;
    },
    async close() {
      for (const client of [administrator, ...clients.values()]) await client.close();
      const left = await dropUnused(server, name);
      if (left.length > 0) throw new Error(`the test left PostgreSQL connections open: ${left.join(", ")}`);
    },
  };
}

/** @returns the application names of the sessions that are on the database though nobody should be using it any more */
async function dropUnused(server: string, database: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: server, application_name: "testkit" });
  await client.connect();
  try {
    const left = await sessionsLeft(client, database);
    await client.query(`drop database if exists ${client.escapeIdentifier(database)} with (force)`);
    return left;
  } finally {
    await client.end();
  }
}

async function sessionsLeft(client: pg.Client, database: string): Promise<string[]> {
  const deadline = Date.now() + GRACE_MS;
  for (;;) {
    const { rows } = await client.query<{ name: string }>(
      "select coalesce(nullif(application_name, ''), 'unnamed') as name from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
      [database],
    );
    if (rows.length === 0 || Date.now() > deadline) return rows.map((row) => row.name);
    await client.query("select pg_sleep(0.01)");
  }
}
