import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { metadataOf } from "../../events/world.ts";
import {
  ADMIN_SECRET,
  admin,
  type Client,
  connect,
  connectAs,
  type Served,
  serve,
  userHeaders,
} from "../../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../../test-database.ts";

let database: TestDatabase;
let served: Served;
const clients: Client[] = [];

const tables = [
  { table: "notes", select_permissions: [{ role: "reader", permission: { columns: ["id"], filter: {} } }] },
];

beforeAll(async () => {
  database = await createTestDatabase(`
    create table notes (id bigint primary key, text text);
    insert into notes values (9007199254740993, 'big');
  `);
  served = await serve(database.url, tables);
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

async function open(): Promise<Client> {
  const client = await connect(served.url);
  clients.push(client);
  return client;
}

async function openAs(headers: Record<string, string>): Promise<Client> {
  const client = await connectAs(served.url, headers);
  clients.push(client);
  return client;
}

test("init with the right secret is acknowledged", async () => {
  const client = await openAs(admin);

  expect(client.messages()).toEqual([{ type: "connection_ack" }]);
});

test.each([
  ["a wrong secret", { "x-hasura-admin-secret": "wrong" }],
  ["no credentials", {}],
  ["a bad token", { authorization: "Bearer a.b.c" }],
])("init with %s closes with 4403", async (_what, headers) => {
  const client = await open();

  client.send({ type: "connection_init", payload: { headers } });

  await expect.poll(client.closed).toMatchObject({ code: 4403 });
  expect(client.messages()).toEqual([]);
});

test("subscribe before the acknowledgement closes with 4401", async () => {
  const client = await open();

  client.subscribe("1", "{ notes { id } }");

  await expect.poll(client.closed).toMatchObject({ code: 4401 });
});

test("a second init closes with 4429", async () => {
  const client = await openAs(admin);

  client.send({ type: "connection_init" });

  await expect.poll(client.closed).toMatchObject({ code: 4429 });
});

test("no init within 3 s closes with 4408", async () => {
  const client = await open();

  await expect.poll(client.closed).toMatchObject({ code: 4408 });
});

test.each([
  ["no JSON", "{"],
  ["a list", "[]"],
  ["an unknown type", { type: "start", id: "1" }],
  ["a server's type", { type: "next", id: "1", payload: {} }],
  ["no id", { type: "subscribe", payload: { query: "{ notes { id } }" } }],
  ["an empty id", { type: "subscribe", id: "", payload: { query: "{ notes { id } }" } }],
  ["no payload", { type: "subscribe", id: "1" }],
  ["a query that is no text", { type: "subscribe", id: "1", payload: { query: 1 } }],
  ["complete without an id", { type: "complete" }],
])("%s closes with 4400", async (_what, message) => {
  const client = await openAs(admin);

  client.send(message);

  await expect.poll(client.closed).toMatchObject({ code: 4400 });
});

test("an id in use closes with 4409", async () => {
  const client = await openAs(admin);
  client.subscribe("1", "subscription { notes { id } }");
  await expect.poll(() => client.answers("1").length).toBe(1);

  client.subscribe("1", "{ notes { id } }");

  await expect.poll(client.closed).toMatchObject({ code: 4409 });
});

test("an id is free again after complete", async () => {
  const client = await openAs(admin);
  client.subscribe("1", "subscription { notes { id } }");
  await expect.poll(() => client.answers("1").length).toBe(1);

  client.send({ type: "complete", id: "1" });
  client.subscribe("1", "{ notes { text } }");

  await expect.poll(() => client.answers("1").at(-1)).toEqual({ data: { notes: [{ text: "big" }] } });
  expect(client.closed()).toBeUndefined();
});

test("a client without the subprotocol is closed with 4406", async () => {
  const client = await connect(served.url, { protocols: [] });
  clients.push(client);

  await expect.poll(client.closed).toMatchObject({ code: 4406 });
});

test("a ping is answered, before and after init", async () => {
  const client = await open();
  client.send({ type: "ping" });
  await expect.poll(() => client.messages()).toEqual([{ type: "pong" }]);

  client.send({ type: "connection_init", payload: { headers: admin } });
  client.send({ type: "ping", payload: { a: 1 } });

  await expect
    .poll(() =>
      client
        .messages()
        .map(({ type }) => type)
        .sort(),
    )
    .toEqual(["connection_ack", "pong", "pong"]);
});

test("the server pings", async () => {
  const client = await openAs(admin);

  await expect.poll(() => client.text().includes('"ping"')).toBe(true);
});

test("a query gets one next with every digit, then complete", async () => {
  const client = await openAs(admin);

  client.subscribe("q", "{ notes { id } }");

  await expect.poll(() => client.messages().length).toBe(3);
  expect(
    client
      .messages()
      .map(({ type, id }) => [type, id])
      .slice(1),
  ).toEqual([
    ["next", "q"],
    ["complete", "q"],
  ]);
  expect(client.text()).toContain('"id":9007199254740993');
});

test("a mutation works over the socket, in variables with every digit", async () => {
  const client = await openAs(admin);

  client.send(
    '{"type":"subscribe","id":"m","payload":{"query":"mutation($id: bigint!) { insert_notes_one(object: {id: $id}) { id } }","variables":{"id":9007199254740995}}}',
  );

  await expect.poll(() => client.text()).toContain('{"insert_notes_one":{"id":9007199254740995}}');
  await database.pool.query("delete from notes where id = 9007199254740995");
});

test.each([
  ["a failed check of the document", "{ nothing }", "field 'nothing' not found in type: 'query_root'"],
  ["a text that does not parse", "{", "not a valid graphql query"],
  [
    "two root fields of a subscription",
    "subscription { a: notes { id } b: notes { id } }",
    "subscriptions must select one top level field",
  ],
])("%s is an error message that ends the operation", async (_what, query, message) => {
  const client = await openAs(admin);

  client.subscribe("1", query);

  await expect.poll(() => client.messages().length).toBe(2);
  expect(client.messages()[1]).toMatchObject({ id: "1", type: "error", payload: [{ message }] });
  client.subscribe("1", "{ __typename }");
  await expect.poll(() => client.answers("1")).toEqual([{ data: { __typename: "query_root" } }]);
});

test("headers of the init win over those of the upgrade, which count as well", async () => {
  const headers = { "x-hasura-admin-secret": "wrong", "x-hasura-role": "reader" };
  const client = await connect(served.url, { headers });
  clients.push(client);

  client.send({ type: "connection_init", payload: { headers: { "X-Hasura-Admin-Secret": ADMIN_SECRET } } });
  await expect.poll(() => client.messages()).toEqual([{ type: "connection_ack" }]);
  client.subscribe("1", "{ notes { id text } }");

  await expect
    .poll(() => client.messages().at(-1))
    .toMatchObject({ type: "error", payload: [{ message: "field 'text' not found in type: 'notes'" }] });
});

test("a socket is closed when its token expires", async () => {
  const client = await openAs(userHeaders("reader", {}, 2));
  client.subscribe("1", "subscription { notes { id } }");
  await expect.poll(() => client.answers("1").length).toBe(1);

  await expect.poll(client.closed).toMatchObject({ code: 4403 });
});

test("a change of metadata closes all sockets", async () => {
  const [one, other] = [await openAs(admin), await openAs(userHeaders("reader"))];

  await served.engine.reload(metadataOf(tables));

  await expect.poll(one.closed).toMatchObject({ code: 1012 });
  await expect.poll(other.closed).toMatchObject({ code: 1012 });
});

test("an upgrade elsewhere is not found", async () => {
  const socket = new WebSocket(`${served.url.replace(/^http/, "ws")}/v1/other`, "graphql-transport-ws");
  const status = await new Promise((resolve) => {
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    socket.on("error", () => {});
  });

  expect(status).toBe(404);
});

test("a server that closes takes its sockets along", async () => {
  const own = await serve(database.url, tables);
  const client = await connectAs(own.url, admin);
  client.subscribe("1", "subscription { notes { id } }");
  await expect.poll(() => client.answers("1").length).toBe(1);

  await own.close();

  await expect.poll(client.closed).toBeDefined();
});
