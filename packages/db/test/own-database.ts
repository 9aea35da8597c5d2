import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import {
  cloneDatabase,
  createDatabase,
  type Database,
  dropDatabase,
  type LoginRole,
  roleUrl,
  sqlState,
} from "../src/index.ts";

export function serverUrl(): string {
  const url = process.env.DATABASE_URL;
  if (url === undefined) throw new Error("the global setup names no database server");
  return url;
}

export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString("hex")}`;
}

export type OwnDatabase = {
  /** As the administrator. */
  readonly db: Database;
  readonly pool: pg.Pool;
  readonly url: string;
  /** One connection as the role, closed when `work` ends. */
  as<T>(role: LoginRole, work: (client: pg.Client) => Promise<T>): Promise<T>;
};

/** A database of the test file's own, made before its tests and dropped after them. */
export function useOwnDatabase(): OwnDatabase {
  const name = uniqueName("db_test");
  let opened: { url: string; client: ReturnType<typeof createDatabase> } | undefined;
  const current = () => {
    if (opened === undefined) throw new Error("the database is made before the first test, not earlier");
    return opened;
  };
  beforeAll(async () => {
    const url = await cloneDatabase(serverUrl(), name);
    opened = { url, client: createDatabase({ url, poolMax: 5, applicationName: "db-test", work: "command" }) };
  });
  afterAll(async () => {
    await opened?.client.close();
    await dropDatabase(serverUrl(), name);
  });
  return {
    get db() {
      return current().client.db;
    },
    get pool() {
      return current().client.pool;
    },
    get url() {
      return current().url;
    },
    async as(role, work) {
      const client = new pg.Client({ connectionString: roleUrl(current().url, role) });
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    },
  };
}

/** What the database refused a statement with, as `SQLSTATE message`, or "done". */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return `${sqlState(error)} ${deepestMessage(error)}`;
  }
}

function deepestMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : deepestMessage(error.cause);
}
