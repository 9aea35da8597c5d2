import pg from "pg";
import { expect, test } from "vitest";
import { assertDatabaseFit, databaseUrl, roleUrl } from "../src/index.ts";
import { serverUrl, useOwnDatabase } from "./own-database.ts";

const own = useOwnDatabase();

async function complaint(url: string): Promise<unknown> {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 20_000 });
  try {
    return await assertDatabaseFit(pool, "cp_auth").catch((error: unknown) => error);
  } finally {
    await pool.end();
  }
}

const unfit = (message: string) => ({ setting: "DATABASE_URL", message: expect.stringContaining(message) });

test("a database that a service cannot use is named with its setting and what to do", async () => {
  const absent = new URL(own.url);
  absent.username = "nobody_we_know";

  expect(await complaint("postgres://cp_auth@127.0.0.1:1/x")).toMatchObject(
    unfit("PostgreSQL cannot be reached; start it, or mend the address (ECONNREFUSED)"),
  );
  expect(await complaint(absent.href)).toMatchObject(unfit("run db:migrate, which makes the services' roles"));
  expect(await complaint(databaseUrl(own.url, "no_such_database"))).toMatchObject(unfit("there is no such database"));
  expect(await complaint(roleUrl(own.url, "cp_gateway"))).toMatchObject(
    unfit("it is opened as cp_gateway, the role of another service; this one's is cp_auth"),
  );
  expect(await complaint(serverUrl())).toMatchObject(unfit("no migration has run: run db:migrate"));
});

test("the service's own role fits, and so does an administrator's account", async () => {
  expect([await complaint(roleUrl(own.url, "cp_auth")), await complaint(own.url)]).toEqual([undefined, undefined]);
});
