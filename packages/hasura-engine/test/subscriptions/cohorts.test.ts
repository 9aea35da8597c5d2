import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type PgWire, startPgWire } from "../pg-wire.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { admin, type Client, connectAs, type Served, serve, userHeaders } from "./world.ts";

// Which subscriptions share their polls. `counted` answers the number of the poll that read it, so every poll brings a
// change, and members of one cohort see the same numbers.

let database: TestDatabase;
let wire: PgWire;
let served: Served;
const clients: Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase(`
    create sequence polls;
    create table one (id int primary key);
    insert into one values (1);
    create view counted as select id, nextval('polls')::int as n from one;
    create table members (tenant text, name text, primary key (tenant, name));
    create table notes (id int primary key, tenant text);
    insert into notes values (1, 'acme'), (2, 'other');
  `);
  wire = await startPgWire(database.url);
  const columns = ["id", "n"];
  const member = { tenant: { _ceq: ["$", "tenant"] }, name: { _eq: "X-Hasura-User-Id" } };
  served = await serve(wire.url, [
    {
      table: "counted",
      select_permissions: [
        { role: "user", permission: { columns, filter: {} } },
        { role: "other", permission: { columns, filter: { id: { _gt: 0 } } } },
        { role: "own", permission: { columns, filter: { _or: [{ id: { _eq: "X-Hasura-User-Id" } }, {}] } } },
      ],
    },
    { table: "members" },
    {
      table: "notes",
      select_permissions: [
        {
          role: "user",
          permission: { columns: ["id"], filter: { _exists: { _table: "members", _where: member } } },
        },
      ],
    },
  ]);
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
afterAll(async () => {
  await served.close();
  await wire.close();
  await database.drop();
});

async function open(role = "user", userId = "1"): Promise<Client> {
  const client = await connectAs(served.url, userHeaders(role, { "x-hasura-user-id": userId }));
  clients.push(client);
  return client;
}

const countedSchema = z.object({ data: z.object({ counted: z.array(z.object({ n: z.int() })) }) });

/** Numbers of the polls that an operation was told of. */
function polls(client: Client, id: string): number[] {
  return client.answers(id).flatMap((answer) => countedSchema.parse(answer).data.counted.map(({ n }) => n));
}

const counted = "subscription { counted { n } }";

test("200 identical subscriptions on two sockets cost one statement an interval, and each hears of every poll", async () => {
  const sockets = [await open(), await open("user", "2")];
  const ids = Array.from({ length: 100 }, (_, index) => String(index));
  for (const id of ids) for (const socket of sockets) socket.subscribe(id, counted);
  const heard = () => sockets.flatMap((socket) => ids.map((id) => polls(socket, id)));
  await expect.poll(() => heard().every(({ length }) => length > 1)).toBe(true);
  wire.forget();
  const from = Math.max(...heard().flat()) + 1;

  await expect.poll(() => heard().every((numbers) => numbers.includes(from + 5))).toBe(true);

  const expected = [0, 1, 2, 3, 4, 5].map((step) => from + step);
  for (const numbers of heard())
    expect(numbers.filter((number) => number >= from && number <= from + 5)).toEqual(expected);
  const last = Math.max(...heard().flat());
  // The poll that goes on at this moment was asked for and has not answered.
  expect(wire.statements().length - (last - from + 1)).toBeLessThanOrEqual(1);
});

test.each([
  ["of users whose variables the query does not use", ["user", "1", counted, {}], ["user", "2", counted, {}], true],
  [
    "with other values of a variable nobody uses",
    ["user", "1", "subscription ($v: Int) { counted { n } }", { v: 1 }],
    ["user", "1", "subscription ($v: Int) { counted { n } }", { v: 2 }],
    true,
  ],
  [
    "written in another way",
    ["user", "1", counted, {}],
    ["user", "1", "subscription a { ...f } fragment f on subscription_root { counted { n } }", {}],
    true,
  ],
  ["of users whose variables its filter uses", ["own", "1", counted, {}], ["own", "2", counted, {}], false],
  ["of roles with other filters", ["user", "1", counted, {}], ["other", "1", counted, {}], false],
  [
    "with other values of its variables",
    ["user", "1", "subscription ($v: Int!) { counted(limit: $v) { n } }", { v: 1 }],
    ["user", "1", "subscription ($v: Int!) { counted(limit: $v) { n } }", { v: 2 }],
    false,
  ],
  [
    "with other aliases",
    ["user", "1", counted, {}],
    ["user", "1", "subscription { counted { n again: n } }", {}],
    false,
  ],
] as const)("two subscriptions %s share their polls, or do not: %#", async (_what, first, second, shared) => {
  const members: Client[] = [];
  for (const [role, userId, query, variables] of [first, second]) {
    const client = await open(role, userId);
    client.subscribe("1", query, variables);
    members.push(client);
  }
  await expect.poll(() => members.every((client) => polls(client, "1").length > 4)).toBe(true);

  const numbers = members.map((client) => new Set(polls(client, "1")));
  const common = [...(numbers[0] ?? [])].filter((number) => numbers[1]?.has(number));

  expect(common.length > 2).toBe(shared);
  expect(common.length === 0).toBe(!shared);
});

test("rows vanish at the next poll when the membership behind them is revoked", async () => {
  await database.pool.query("insert into members values ('acme', 'ann')");
  const client = await open("user", "ann");
  client.subscribe("1", "subscription { notes { id } }");
  await expect.poll(() => client.answers("1")).toEqual([{ data: { notes: [{ id: 1 }] } }]);

  await database.pool.query("delete from members");

  await expect.poll(() => client.answers("1").at(-1)).toEqual({ data: { notes: [] } });
  expect(client.answers("1")).toHaveLength(2);
});

test("a member that leaves or breaks off in the middle takes nothing from the others", async () => {
  const [staying, leaving, breaking] = [await open(), await open(), await open()];
  for (const client of [staying, leaving, breaking]) client.subscribe("1", counted);
  await expect.poll(() => [leaving, breaking].every((client) => polls(client, "1").length > 0)).toBe(true);

  leaving.send({ type: "complete", id: "1" });
  breaking.socket.terminate();
  const before = polls(staying, "1").length;

  await expect.poll(() => polls(staying, "1").length).toBeGreaterThan(before + 3);
  const numbers = polls(staying, "1");
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
});

test("a poll that fails is told to its own cohort alone", async () => {
  await database.pool.query("create table gone (id int primary key)");
  const own = await serve(wire.url, [{ table: "gone" }, { table: "counted" }]);
  const client = await connectAs(own.url, admin);
  client.subscribe("gone", "subscription { gone { id } }");
  client.subscribe("counted", counted);
  await expect.poll(() => client.answers("gone").length).toBe(1);

  await database.pool.query("drop table gone");

  await expect.poll(() => client.answers("gone").at(-1)).toMatchObject({ errors: [{}] });
  const before = polls(client, "counted").length;
  await expect.poll(() => polls(client, "counted").length).toBeGreaterThan(before + 2);
  expect(client.answers("counted").every((answer) => !Object.hasOwn(Object(answer), "errors"))).toBe(true);
  await own.close();
});
