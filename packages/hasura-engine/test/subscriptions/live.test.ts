import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { admin, type Client, connectAs, type Served, serve, userHeaders } from "./world.ts";

let database: TestDatabase;
let served: Served;
const clients: Client[] = [];

/** Every poll of `counted` moves the sequence on by one. */
beforeAll(async () => {
  database = await createTestDatabase(`
    create table notes (id int primary key, owner text, text text);
    create sequence polls;
    create function count_poll() returns boolean language sql volatile as $$ select nextval('polls') > 0 $$;
    create table one (id int primary key);
    insert into one values (1);
    create view counted as select id from one where count_poll();
    create table events (id int primary key, at int not null);
  `);
  const own = { owner: { _eq: "X-Hasura-User-Id" } };
  const permission = (filter: object) => ({ columns: ["id", "text"], filter });
  served = await serve(database.url, [
    { table: "notes", select_permissions: [{ role: "user", permission: permission(own) }] },
    { table: "counted", select_permissions: [{ role: "user", permission: { columns: ["id"], filter: {} } }] },
    { table: "events" },
  ]);
});
beforeEach(async () => {
  await database.pool.query(
    "truncate notes, events; alter sequence polls restart; insert into notes values (1, 'ann', 'a'), (2, 'bob', 'b')",
  );
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

async function open(headers: Record<string, string> = admin): Promise<Client> {
  const client = await connectAs(served.url, headers);
  clients.push(client);
  return client;
}

async function polls(): Promise<number> {
  const { rows } = await database.pool.query(
    "select case when is_called then last_value else 0 end::int as n from polls",
  );
  return rows[0].n;
}

test("the first result always comes, later ones only when something changed", async () => {
  const client = await open();
  const counting = await open();
  client.subscribe("1", "subscription { notes(order_by: {id: asc}) { id text } }");
  counting.subscribe("1", "subscription { counted { id } }");
  await expect.poll(() => client.answers("1").length).toBe(1);
  const before = await polls();

  await expect.poll(polls).toBeGreaterThan(before + 3);
  expect(client.answers("1")).toHaveLength(1);
  await database.pool.query("update notes set text = 'changed' where id = 1");

  await expect
    .poll(() => client.answers("1").at(-1))
    .toEqual({
      data: {
        notes: [
          { id: 1, text: "changed" },
          { id: 2, text: "b" },
        ],
      },
    });
  expect(client.answers("1")).toHaveLength(2);
});

test("200 identical subscriptions share one poll per round", async () => {
  const client = await open();
  const other = await open();
  for (let index = 0; index < 100; index += 1) {
    client.subscribe(String(index), "subscription { counted { id } }");
    other.subscribe(String(index), "subscription { counted { id } }");
  }
  const answered = () => [...client.messages(), ...other.messages()].filter(({ type }) => type === "next").length;

  await expect.poll(answered).toBe(200);

  // The first subscription's round and one for all that joined meanwhile; some slack for a busy machine, far below 200.
  expect(await polls()).toBeLessThan(20);
});

test("users with other session variables get their own rows [CVE-2026-48499]", async () => {
  const [ann, bob] = [
    await open(userHeaders("user", { "x-hasura-user-id": "ann" })),
    await open(userHeaders("user", { "x-hasura-user-id": "bob" })),
  ];

  ann.subscribe("1", "subscription { notes { id } }");
  bob.subscribe("1", "subscription { notes { id } }");

  await expect.poll(() => ann.answers("1")).toEqual([{ data: { notes: [{ id: 1 }] } }]);
  await expect.poll(() => bob.answers("1")).toEqual([{ data: { notes: [{ id: 2 }] } }]);
});

test("a missing session variable is an error", async () => {
  const client = await open(userHeaders("user"));

  client.subscribe("1", "subscription { notes { id } }");

  await expect
    .poll(() => client.messages().at(-1))
    .toMatchObject({
      type: "error",
      payload: [{ message: 'missing session variable: "x-hasura-user-id"', extensions: { code: "not-found" } }],
    });
});

test("polling stops with the last member", async () => {
  const [one, other] = [await open(), await open()];
  one.subscribe("1", "subscription { counted { id } }");
  other.subscribe("1", "subscription { counted { id } }");
  await expect.poll(() => one.answers("1").length + other.answers("1").length).toBe(2);
  one.send({ type: "complete", id: "1" });
  const before = await polls();
  await expect.poll(polls).toBeGreaterThan(before + 1);

  other.socket.terminate();

  // Equal readings, three intervals apart.
  let settled = -1;
  await expect
    .poll(
      async () => {
        const now = await polls();
        const quiet = now === settled;
        settled = now;
        return quiet;
      },
      { interval: 300 },
    )
    .toBe(true);
});

test("who joins a cohort gets a result that is not older than what was written before", async () => {
  const first = await open();
  first.subscribe("1", "subscription { notes(where: {id: {_eq: 1}}) { text } }");
  await expect.poll(() => first.answers("1").length).toBe(1);
  await database.pool.query("update notes set text = 'newer' where id = 1");

  const second = await open();
  second.subscribe("1", "subscription { notes(where: {id: {_eq: 1}}) { text } }");

  await expect.poll(() => second.answers("1").length).toBe(1);
  expect(second.answers("1")[0]).toEqual({ data: { notes: [{ text: "newer" }] } });
});

test("several root fields are allowed where the operation says so", async () => {
  const client = await open();

  client.subscribe(
    "1",
    "subscription @_multiple_top_level_fields { b: notes_by_pk(id: 2) { id } t: __typename a: notes_by_pk(id: 1) { id } }",
  );

  await expect
    .poll(() => client.answers("1"))
    .toEqual([{ data: { b: { id: 2 }, t: "subscription_root", a: { id: 1 } } }]);
  expect(client.text()).toContain('{"b":{"id":2},"t":"subscription_root","a":{"id":1}}');
});

test("a fault of the database is told at each poll, and after it what is there now, also when it is what was there", async () => {
  await database.pool.query("create table comes_back (id int primary key)");
  const reported: unknown[] = [];
  const own = await serve(database.url, [{ table: "comes_back" }], {
    onInternalError: (error) => reported.push(error),
  });
  const client = await connectAs(own.url, admin);
  client.subscribe("1", "subscription { comes_back { id } }");
  await expect.poll(() => client.answers("1")).toEqual([{ data: { comes_back: [] } }]);

  await database.pool.query("alter table comes_back rename to away");
  await expect.poll(() => client.answers("1").length).toBeGreaterThan(3);
  const failed = client.answers("1").slice(1);
  await database.pool.query("alter table away rename to comes_back");

  for (const answer of failed)
    expect(answer).toMatchObject({ errors: [{ message: "database query error", extensions: { code: "unexpected" } }] });
  await expect.poll(() => client.answers("1").at(-1)).toEqual({ data: { comes_back: [] } });
  expect(reported).toHaveLength(1);
  await own.close();
});

test("live queries and streams survive a database that lost all its connections", async () => {
  await database.pool.query("create table blips (id int primary key)");
  const own = await serve(database.url, [{ table: "blips" }]);
  const client = await connectAs(own.url, admin);
  client.subscribe("live", "subscription { blips { id } }");
  client.subscribe(
    "stream",
    "subscription { blips_stream(batch_size: 5, cursor: {initial_value: {id: 0}, ordering: ASC}) { id } }",
  );
  await expect.poll(() => client.answers("live").length).toBe(1);

  await acceptConnections(false);
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'hasura-engine'",
  );
  await expect
    .poll(() => client.answers("live").some(isFailure) && client.answers("stream").some(isFailure))
    .toBe(true);
  await acceptConnections(true);
  await database.pool.query("insert into blips values (7)");

  await expect.poll(() => client.answers("live").at(-1)).toEqual({ data: { blips: [{ id: 7 }] } });
  await expect.poll(() => client.answers("stream").at(-1)).toEqual({ data: { blips_stream: [{ id: 7 }] } });
  expect(client.answers("stream").filter((answer) => !isFailure(answer))).toHaveLength(1);
  await own.close();
});

const isFailure = (answer: unknown): boolean => Object.hasOwn(Object(answer), "errors");

async function acceptConnections(accept: boolean): Promise<void> {
  const elsewhere = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await elsewhere.connect();
  await elsewhere.query(`alter database ${new URL(database.url).pathname.slice(1)} allow_connections ${accept}`);
  await elsewhere.end();
}

const stream = (initial: number, size: number, ordering = "ASC"): string =>
  `subscription { events_stream(batch_size: ${size}, cursor: {initial_value: {at: ${initial}}, ordering: ${ordering}}) { id at } }`;

test("a stream hands on batches in order and keeps ties together", async () => {
  await database.pool.query("insert into events values (1, 1), (2, 2), (3, 2), (4, 2), (5, 3)");
  const client = await open();

  client.subscribe("1", stream(0, 2));

  await expect.poll(() => client.answers("1").length).toBe(2);
  const batches = client.answers("1").map((answer) =>
    JSON.stringify(answer)
      .match(/"id":\d+/g)
      ?.sort(),
  );
  expect(batches).toEqual([['"id":1', '"id":2', '"id":3', '"id":4'], ['"id":5']]);
});

test("a stream says nothing about an empty batch and goes on with later rows", async () => {
  const client = await open();
  client.subscribe("1", stream(0, 10));
  client.subscribe("counter", "subscription { counted { id } }");
  const before = await polls();
  await expect.poll(polls).toBeGreaterThan(before + 3);
  expect(client.answers("1")).toEqual([]);

  await database.pool.query("insert into events values (1, 5)");
  await expect.poll(() => client.answers("1").length).toBe(1);
  await database.pool.query("insert into events values (2, 4), (3, 6)");

  await expect
    .poll(() => client.answers("1"))
    .toEqual([{ data: { events_stream: [{ id: 1, at: 5 }] } }, { data: { events_stream: [{ id: 3, at: 6 }] } }]);
});

test("a descending stream goes the other way", async () => {
  await database.pool.query("insert into events values (1, 1), (2, 2), (3, 3)");
  const client = await open();

  client.subscribe("1", stream(3, 1, "DESC"));

  await expect
    .poll(() => client.answers("1"))
    .toEqual([{ data: { events_stream: [{ id: 2, at: 2 }] } }, { data: { events_stream: [{ id: 1, at: 1 }] } }]);
});

test("streams that start at different places each get every row once", async () => {
  await database.pool.query("insert into events select n, n from generate_series(1, 20) n");
  const client = await open();

  for (let start = 0; start < 5; start += 1) client.subscribe(String(start), stream(start, 3));

  const rowsOf = (id: string): number =>
    client.answers(id).reduce<number>((sum, answer) => sum + (JSON.stringify(answer).match(/"id"/g)?.length ?? 0), 0);
  await expect.poll(() => [0, 1, 2, 3, 4].map((start) => rowsOf(String(start)))).toEqual([20, 19, 18, 17, 16]);
  await database.pool.query("insert into events values (21, 21)");
  await expect.poll(() => [0, 1, 2, 3, 4].map((start) => rowsOf(String(start)))).toEqual([21, 20, 19, 18, 17]);
});
