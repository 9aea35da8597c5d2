import {
  cloneDatabase,
  createDatabase,
  type Database,
  type DatabaseClient,
  dropDatabase,
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
      const left = await sessionsLeft(server, name);
      await dropDatabase(server, name);
      if (left.length > 0) throw new Error(`the test left PostgreSQL connections open: ${left.join(", ")}`);
    },
  };
}

/** Application names of the sessions on a database that nobody should be using any more. */
async function sessionsLeft(server: string, database: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: server, application_name: "testkit leaks" });
  await client.connect();
  try {
    const deadline = Date.now() + GRACE_MS;
    for (;;) {
      const { rows } = await client.query<{ name: string }>(
        "select coalesce(nullif(application_name, ''), 'unnamed') as name from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
        [database],
      );
      if (rows.length === 0 || Date.now() > deadline) return rows.map((row) => row.name);
      await client.query("select pg_sleep(0.01)");
    }
  } finally {
    await client.end();
  }
}
