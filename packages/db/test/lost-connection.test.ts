import { expect, test } from "vitest";
import { createDatabase, sqlState } from "../src/index.ts";
import { useOwnDatabase } from "./own-database.ts";

const own = useOwnDatabase();

test("a connection that breaks inside a transaction fails that transaction, not the process", async () => {
  const client = createDatabase({ url: own.url, poolMax: 1, applicationName: "db-test lost", work: "command" });
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on("uncaughtException", note);

  const outcome = await client.db
    .transaction(async (tx) => {
      await own.pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'db-test lost'",
      );
      await tx.execute("select pg_sleep(5)");
    })
    .then(() => "committed", sqlState);
  const after = await client.pool.query("select 1 as one");

  process.off("uncaughtException", note);
  await client.close();
  expect(outcome).not.toBe("committed");
  expect(uncaught).toEqual([]);
  expect(after.rows).toEqual([{ one: 1 }]);
});
