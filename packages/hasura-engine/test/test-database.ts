import { randomUUID } from "node:crypto";
import pg from "pg";

export type TestDatabase = { readonly url: string; readonly pool: pg.Pool; drop(): Promise<void> };

/** A database of its own, holding what the SQL makes. Needs `DATABASE_URL` of a superuser (the vitest globalSetup sets it). */
export async function createTestDatabase(sql: string): Promise<TestDatabase> {
  const serverUrl = process.env.DATABASE_URL;
  if (serverUrl === undefined) throw new Error("DATABASE_URL is not set");
  const name = `hasura_engine_${randomUUID().replaceAll("-", "")}`;
  await onServer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 4 });
  // A connection that is closing while the database is dropped may still be told so; an idle one tells its pool.
  pool.on("connect", (client) => client.on("error", () => {}));
  pool.on("error", () => {});
  await pool.query(sql);
  return {
    url: url.href,
    pool,
    async drop() {
      await pool.end();
      await onServer(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
