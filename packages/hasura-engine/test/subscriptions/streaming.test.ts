import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { type PgWire, startPgWire } from "../pg-wire.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { type Client, connectAs, type Served, serve, userHeaders } from "./world.ts";

// What a role may stream, and where a stream begins; batches and ties are in live.test.ts.

let database: TestDatabase;
let wire: PgWire;
let served: Served;
const clients: Client[] = [];

const columns = ["id", "at", "seen"];

beforeAll(async () => {
  database = await createTestDatabase(`
    create table events (id int primary key, at timestamptz not null, seen int, secret int, owner text);
  `);
  wire = await startPgWire(database.url);
  served = await serve(wire.url, [
    {
      table: "events",
      select_permissions: [
        { role: "user", permission: { columns, filter: { owner: { _eq: "X-Hasura-User-Id" } } } },
        { role: "few", permission: { columns, filter: {}, limit: 2 } },
      ],
    },
  ]);
});
beforeEach(async () => {
  await database.pool.query(`
    truncate events;
    insert into events
    select n, timestamptz '2026-01-01 00:00:00.123456+00' + n * interval '1 microsecond', null, n,
           case when n % 2 = 0 then 'ann' else 'bob' end
      from generate_series(1, 6) n;
  `);
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
afterAll(async () => {
  await served.close();
  await wire.close();
  await database.drop();
});

async function open(role = "user", userId = "ann"): Promise<Client> {
  const client = await connectAs(served.url, userHeaders(role, { "x-hasura-user-id": userId }));
  clients.push(client);
  return client;
}

const batchSchema = z.object({ data: z.object({ events_stream: z.array(z.object({ id: z.int() })) }) });

/** Ids of the rows, batch by batch. */
function batches(client: Client): number[][] {
  return client.answers("1").map((answer) => batchSchema.parse(answer).data.events_stream.map(({ id }) => id));
}

const from = (cursor: string, size = "10"): string =>
  `subscription ($n: Int, $v: timestamptz) { events_stream(batch_size: ${size}, cursor: ${cursor}) { id } }`;

test("only rows of the role's filter are streamed, and the cursor steps over the others", async () => {
  const client = await open();

  client.subscribe("1", from("{initial_value: {id: 0}}", "1"));

  await expect.poll(() => batches(client)).toEqual([[2], [4], [6]]);
});

test("a cursor of microseconds neither repeats nor skips a row", async () => {
  const client = await open();

  client.subscribe("1", from('{initial_value: {at: "2026-01-01T00:00:00Z"}, ordering: ASC}', "1"));

  await expect.poll(() => batches(client)).toEqual([[2], [4], [6]]);
});

test("the role's limit caps a batch, whatever its size is", async () => {
  const [literal, variable] = [await open("few"), await open("few")];

  literal.subscribe("1", from("{initial_value: {id: 0}}", "100"));
  variable.subscribe(
    "1",
    "subscription ($n: Int!) { events_stream(batch_size: $n, cursor: {initial_value: {id: 0}}) { id } }",
    { n: 100 },
  );

  for (const client of [literal, variable])
    await expect
      .poll(() => batches(client))
      .toEqual([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
});

test("a batch size below the role's limit holds", async () => {
  const client = await open("few");

  client.subscribe("1", from("{initial_value: {id: 3}}", "1"));

  await expect.poll(() => batches(client)).toEqual([[4], [5], [6]]);
});

test("nothing comes after null, nor rows whose cursor column is null", async () => {
  const client = await open();
  client.subscribe("1", from("{initial_value: {seen: null}}"));
  client.subscribe("2", from("{initial_value: {seen: 0}}"));
  client.subscribe("counter", "subscription { events_stream(batch_size: 1, cursor: {initial_value: {id: 4}}) { id } }");
  await expect.poll(() => client.answers("counter").length).toBe(1);

  await database.pool.query("update events set seen = 1 where id = 2");

  await expect.poll(() => client.answers("2")).toEqual([{ data: { events_stream: [{ id: 2 }] } }]);
  expect(client.answers("1")).toEqual([]);
});

test.each([
  [
    "a column the role may not read",
    "{initial_value: {secret: 0}}",
    "field 'secret' not found in type: 'events_stream_cursor_value_input'",
  ],
  ["two columns", '{initial_value: {id: 0, at: "2026-01-01"}}', "multiple column cursors are not supported yet"],
  [
    "two cursors",
    "[{initial_value: {id: 0}}, {initial_value: {seen: 0}}]",
    "multiple column cursors are not supported yet",
  ],
  ["no initial value", "{ordering: ASC}", "missing required field 'initial_value'"],
  [
    "an unknown ordering",
    "{initial_value: {id: 0}, ordering: asc}",
    "expected one of the values ['ASC', 'DESC'] for type 'cursor_ordering', but found 'asc'",
  ],
])("a cursor of %s is refused", async (_what, cursor, message) => {
  const client = await open();

  client.subscribe("1", from(cursor));

  await expect
    .poll(() => client.messages().at(-1))
    .toMatchObject({ id: "1", type: "error", payload: [{ message, extensions: { code: "validation-failed" } }] });
});

test.each([
  [
    "missing",
    "subscription { events_stream(cursor: {initial_value: {id: 0}}) { id } }",
    "missing required field 'batch_size'",
  ],
  [
    "negative",
    from("{initial_value: {id: 0}}", "-1"),
    "expected a non-negative 32-bit integer for type 'Int', but found an integer",
  ],
])("a batch size that is %s is refused", async (_what, query, message) => {
  const client = await open();

  client.subscribe("1", query);

  await expect.poll(() => client.messages().at(-1)).toMatchObject({ type: "error", payload: [{ message }] });
});

test("streams of one position share their polls, also when they got there from different places", async () => {
  const sockets = [await open("few"), await open("few")];
  for (const socket of sockets)
    for (const start of [0, 1, 2, 3, 4, 5])
      socket.subscribe(
        String(start),
        `subscription { events_stream(batch_size: 2, cursor: {initial_value: {id: ${start}}}) { id } }`,
      );
  const rows = () =>
    sockets.map((socket) =>
      [0, 1, 2, 3, 4, 5].map((id) => JSON.stringify(socket.answers(String(id))).match(/"id"/g)?.length),
    );
  await expect.poll(rows).toEqual([
    [6, 5, 4, 3, 2, 1],
    [6, 5, 4, 3, 2, 1],
  ]);
  wire.forget();

  await expect.poll(() => wire.statements().length).toBeGreaterThan(4);

  // All twelve wait behind row 6. Had each its own poll, a dozen statements would stand between two of the same.
  const bound = wire.parameters().filter((value) => /^[0-6]$/.test(value) && value !== "2");
  expect(new Set(bound)).toEqual(new Set(["6"]));
  const counter = wire.statements().length;
  await expect.poll(() => wire.statements().length).toBeGreaterThan(counter);
  expect(wire.statements().length - counter).toBeLessThan(12);
});

test("the streams of a role without permission do not exist", async () => {
  const client = await open("nobody");

  client.subscribe("1", from("{initial_value: {id: 0}}"));

  await expect
    .poll(() => client.messages().at(-1))
    .toMatchObject({ type: "error", payload: [{ message: "no subscriptions exist" }] });
});
