import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { sendStatement } from "../../src/run/send-statement.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase("create table numbers (n int primary key)");
});
beforeEach(async () => {
  client = new pg.Client({ connectionString: database.url });
  client.on("error", () => {});
  await client.connect();
});
afterEach(() => client.end());
afterAll(() => database.drop());

const known = () => sendStatement(client, { text: "select name from pg_prepared_statements order by 1", values: [] });

test("values arrive as they are, and rows come as texts in order", async () => {
  const long = "ß€😀'\"\\\n".repeat(20_000);

  const rows = await sendStatement(client, {
    text: "select $1::text, $2::int + 1, $3::text is null, $4::text, null from generate_series(1, 2)",
    values: [long, "41", null, ""],
  });

  expect(rows).toEqual([
    [long, "42", "t", "", null],
    [long, "42", "t", "", null],
  ]);
});

test("a text without values and without rows is fine", async () => {
  expect(await sendStatement(client, { text: "select where false", values: [] })).toEqual([]);
});

test("a named statement stays known to its connection, another one does not", async () => {
  const named = { name: "e_1", text: "select $1::int * 2", values: ["4"] };
  await sendStatement(client, { text: "select 1", values: [] });

  const answers = [await sendStatement(client, named), await sendStatement(client, { ...named, values: ["5"] })];

  expect(answers).toEqual([[["8"]], [["10"]]]);
  expect(await known()).toEqual([["e_1"]]);
});

test("a refused statement leaves the connection usable, in its turn", async () => {
  const answers = await Promise.allSettled([
    sendStatement(client, { text: "select 1 / $1::int", values: ["0"] }),
    sendStatement(client, { text: "select nonsense", values: [] }),
    sendStatement(client, { text: "select 3", values: [] }),
  ]);

  expect(answers).toMatchObject([
    { status: "rejected", reason: { code: "22012" } },
    { status: "rejected", reason: { code: "42703" } },
    { status: "fulfilled", value: [["3"]] },
  ]);
});

test.each([
  ["its values", "select 1 / $1::int", "0", "22012"],
  ["their text", "select $1::int", "x", "22P02"],
])("a named statement that is refused the first time for %s runs the second time", async (_what, text, value, code) => {
  const named = { name: "e_2", text };
  await expect(sendStatement(client, { ...named, values: [value] })).rejects.toMatchObject({ code });

  expect(await sendStatement(client, { ...named, values: ["1"] })).toEqual([["1"]]);
  expect(await known()).toEqual([["e_2"]]);
});

test("a named statement that is refused later on stays known", async () => {
  const named = { name: "e_3", text: "select 1 / $1::int" };
  await sendStatement(client, { ...named, values: ["1"] });
  await expect(sendStatement(client, { ...named, values: ["0"] })).rejects.toMatchObject({ code: "22012" });

  expect(await sendStatement(client, { ...named, values: ["1"] })).toEqual([["1"]]);
});

test("a connection that ends meanwhile is told", async () => {
  const sent = sendStatement(client, { text: "select pg_terminate_backend(pg_backend_pid())", values: [] });

  await expect(sent).rejects.toThrow(/terminat/);
  await expect(sendStatement(client, { text: "select 1", values: [] })).rejects.toThrow();
});
