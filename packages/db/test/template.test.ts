import { afterEach, expect, test } from "vitest";
import { cloneDatabase, createDatabase, createTemplate, dropDatabase, roleUrl } from "../src/index.ts";
import { serverUrl, uniqueName } from "./own-database.ts";

const made: string[] = [];

afterEach(async () => {
  for (const name of made.splice(0)) await dropDatabase(serverUrl(), name);
});

function fresh(): string {
  const name = uniqueName("db_clone");
  made.push(name);
  return name;
}

test("clones made at once are all there and independent", async () => {
  const urls = await Promise.all([1, 2, 3, 4].map(() => cloneDatabase(serverUrl(), fresh())));

  const counts = await Promise.all(
    urls.map(async (url, position) => {
      const { pool, close } = createDatabase({ url, poolMax: 1, applicationName: "db-test", work: "command" });
      for (let n = 0; n < position; n += 1)
        await pool.query("insert into tenants (slug, name) values ($1, 'T')", [`tenant-${n}`]);
      const { rows } = await pool.query<{ count: number }>("select count(*)::int as count from tenants");
      await close();
      return rows[0]?.count;
    }),
  );
  expect(counts).toEqual([0, 1, 2, 3]);
});

test("the template has one name while migrations and catalogue stay", async () => {
  expect(await createTemplate(serverUrl())).toBe(await createTemplate(serverUrl()));
});

test("a clone serves the login roles", async () => {
  const url = await cloneDatabase(serverUrl(), fresh());
  const { pool, close } = createDatabase({
    url: roleUrl(url, "cp_logs"),
    poolMax: 1,
    applicationName: "db-test",
    work: "command",
  });

  const { rows } = await pool.query("select current_user as role, (select count(*)::int from workflow_runs) as runs");
  await close();

  expect(rows).toEqual([{ role: "cp_logs", runs: 0 }]);
});

test("a database that is dropped while connections are open is gone, and the pool survives it", async () => {
  const name = fresh();
  const url = await cloneDatabase(serverUrl(), name);
  const { pool, close } = createDatabase({ url, poolMax: 1, applicationName: "db-test", work: "command" });
  await pool.query("select 1");

  await dropDatabase(serverUrl(), name);

  await expect(pool.query("select 1")).rejects.toThrow();
  await close();
});
