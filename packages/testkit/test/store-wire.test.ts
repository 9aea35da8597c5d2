import pg from "pg";
import { expect } from "vitest";
import { openStoreWire, test } from "../src/index.ts";

test("a store behind a wire answers, is gone while the wire is cut, and answers again", async ({ db }) => {
  const wire = await openStoreWire(db.url);
  const pool = new pg.Pool({ connectionString: wire.url, max: 1 });
  pool.on("error", () => undefined);
  const ask = () =>
    pool.query("select 1 as one").then(
      ({ rows }) => rows[0]?.one,
      () => "away",
    );

  const before = await ask();
  wire.cut();
  const during = await ask();
  wire.restore();
  const after = await ask();

  await pool.end();
  await wire.close();
  expect([before, during, after]).toEqual([1, "away", 1]);
});

test("a wire that hangs keeps the connection and says nothing, for good", async ({ db }) => {
  const wire = await openStoreWire(db.url);
  const client = new pg.Client({ connectionString: wire.url });
  client.on("error", () => undefined);
  await client.connect();
  let said = "nothing";

  wire.hang();
  const answer = client.query("select 1").then(
    () => (said = "an answer"),
    () => (said = "the end"),
  );
  wire.restore();
  const other = new pg.Client({ connectionString: wire.url });
  await other.connect();
  await other.query("select 1");
  await other.end();

  expect(said).toBe("nothing");
  await wire.close();
  await answer;
  expect(said).toBe("the end");
});
