import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  ADMIN_SECRET,
  admin,
  type Client,
  connect,
  connectAs,
  type Served,
  serve,
  userHeaders,
} from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

// What one tenant may take of the process beside another: connections, time, answers, sockets, live queries.

const MEBIBYTE = 1024 * 1024;

let database: TestDatabase;
let served: Served;
const clients: Client[] = [];

const columns = ["id"];
const tables = [
  { table: "notes", select_permissions: [{ role: "member", permission: { columns: ["id", "text"], filter: {} } }] },
  {
    table: "books",
    select_permissions: [{ role: "member", permission: { columns: ["id", "text"], filter: {} } }],
  },
  { table: "sleepers", select_permissions: [{ role: "member", permission: { columns, filter: {} } }] },
  {
    table: "locked",
    select_permissions: [{ role: "member", permission: { columns, filter: {} } }],
  },
];

beforeAll(async () => {
  database = await createTestDatabase(`
    create table notes (id int primary key, text text);
    insert into notes values (1, repeat('x', ${MEBIBYTE})), (2, 'a1,900a');
    create sequence books_read;
    create view books as
      select id, repeat('x', ${MEBIBYTE}) as text from generate_series(1, 200) id where nextval('books_read') > 0;
    create view sleepers as select 1 as id from (select pg_sleep(30)) s;
    create table locked (id int primary key);
  `);
  served = await serve(database.url, tables, {
    env: {
      HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous",
      HASURA_ENGINE_STATEMENT_TIMEOUT: "5000",
      HASURA_ENGINE_ANSWER_BYTES_MAX: String(24 * MEBIBYTE),
      HASURA_ENGINE_UNSENT_BYTES_EACH: String(30 * MEBIBYTE),
      HASURA_ENGINE_SOCKETS_EACH: "3",
      HASURA_ENGINE_LIVE_QUERIES_EACH: "2",
      HASURA_ENGINE_ADMIN_SECRET_ON_SOCKETS: "false",
    },
  });
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

const member = (tenant: string) => userHeaders("member", { "x-hasura-tenant-id": tenant });

async function ask(query: string, headers: Readonly<Record<string, string>>, variables: object = {}) {
  const reply = await fetch(`${served.url}/v1/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return JSON.parse(await reply.text());
}

async function open(headers: Readonly<Record<string, string>>): Promise<Client> {
  const client = await connectAs(served.url, headers);
  clients.push(client);
  return client;
}

const refused = (message: string) => ({ errors: [{ message, extensions: { path: "$", code: "bad-request" } }] });

test("a statement that takes too long ends, and the answer says after what time", async () => {
  const answer = await ask("{ sleepers { id } }", member("one"));

  expect(answer).toEqual(refused("a statement of the request took longer than 5000 ms"));
});

test("a tenant whose statements all wait leaves connections to another", async () => {
  const owner = await database.pool.connect();
  await owner.query("begin; lock table locked");
  try {
    const waiting = Array.from({ length: 12 }, () => ask("{ locked { id } }", member("all-wait")));
    await expect
      .poll(async () => {
        const { rows } = await database.pool.query(
          "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        return rows[0].n;
      })
      .toBe(4);
    const other = await ask("{ notes(where: {id: {_eq: 2}}) { id } }", member("two"));

    expect(other).toEqual({ data: { notes: [{ id: 2 }] } });
    await owner.query("commit");
    const answers = await Promise.all(waiting);
    expect(answers.every(({ data, errors }) => data !== undefined || errors !== undefined)).toBe(true);
  } finally {
    owner.release(true);
  }
});

const pattern = "^(a+)(a+)\\1\\2a$";

test.each([
  ["a pattern", `{ notes(where: {text: {_regex: "^(a+)\\\\1$"}}) { id } }`, {}],
  ["a pattern in a variable", "query ($p: String) { notes(where: {text: {_nregex: $p}}) { id } }", { p: pattern }],
  ["a pattern without case", "query ($p: String) { notes(where: {text: {_iregex: $p}}) { id } }", { p: pattern }],
  ["a pattern of SQL", "query ($p: String) { notes(where: {text: {_similar: $p}}) { id } }", { p: pattern }],
])("%s with back references is refused", async (_what, query, variables) => {
  const answer = await ask(query, member("one"), variables);

  expect(answer.errors[0]).toMatchObject({
    message: "back references in patterns are not accepted",
    extensions: { code: "bad-request", path: expect.stringMatching(/^\$\.selectionSet\.notes\.args\.where\.text\._/) },
  });
});

test("a pattern without back references finds what it found, and the admin may use them", async () => {
  const query = "query ($p: String) { notes(where: {text: {_regex: $p}}) { id } }";

  const plain = await ask(query, member("one"), { p: "^a1,9(0)\\d\\D$" });
  const escaped = await ask(query, member("one"), { p: "^\\\\1$" });
  const asAdmin = await ask(query, admin, { p: "^a1,9(0)\\1a$" });

  expect(plain).toEqual({ data: { notes: [{ id: 2 }] } });
  expect(escaped).toEqual({ data: { notes: [] } });
  expect(asAdmin).toEqual({ data: { notes: [{ id: 2 }] } });
});

const large = (mebibytes: number): string =>
  `{ notes_by_pk(id: 1) { ${Array.from({ length: mebibytes }, (_, index) => `a${index}: text`).join(" ")} } }`;

test("an answer larger than a role may have is refused", async () => {
  const answer = await ask(large(26), member("one"));

  expect(answer).toEqual(refused(`the answer is larger than ${24 * MEBIBYTE} bytes`));
});

test("a list that becomes larger than an answer may be ends its statement there", async () => {
  const answer = await ask("{ books { text } }", member("one"));
  const { rows } = await database.pool.query("select last_value::int as read from books_read");
  const part = await ask("{ books(limit: 20) { text } }", member("one"));

  expect(answer).toEqual(refused(`the answer is larger than ${24 * MEBIBYTE} bytes`));
  expect(rows[0].read).toBeGreaterThan(20);
  expect(rows[0].read).toBeLessThan(30);
  expect(part.data.books).toHaveLength(20);
});

test("answers that a tenant does not take are bounded together, and hold up nobody else", async () => {
  const socket = await askWithoutReading(served, large(20));

  const own = await ask(large(20), member("slow"));
  const other = await ask(large(20), member("two"));

  expect(own).toEqual(
    refused(`the answers of one tenant or user that are not taken yet are larger than ${30 * MEBIBYTE} bytes`),
  );
  expect(Object.keys(other)).toEqual(["data"]);
  socket.destroy();
  await expect.poll(async () => Object.keys(await ask(large(20), member("slow")))).toEqual(["data"]);
});

test("an answer that its client does not take in time ends with its connection", async () => {
  const impatient = await serve(database.url, tables, { env: { HASURA_ENGINE_ANSWER_TAKEN_WITHIN: "200" } });
  const socket = await askWithoutReading(impatient, large(15));

  await expect.poll(impatient.connections).toBe(0);

  socket.destroy();
  await impatient.close();
});

/** Reads the beginning of the answer and nothing more. */
async function askWithoutReading({ url }: Served, query: string): Promise<Socket> {
  const body = JSON.stringify({ query });
  const headers = Object.entries({ host: "engine", ...member("slow"), "content-length": String(body.length) });
  const socket = connectTcp(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`POST /v1/graphql HTTP/1.1\r\n${headers.map((pair) => `${pair.join(": ")}\r\n`).join("")}\r\n${body}`);
  await once(socket, "data");
  socket.pause();
  return socket;
}

test("sockets are for clients that say who they are", async () => {
  const client = await connect(served.url);
  clients.push(client);

  client.send({ type: "connection_init" });

  await expect.poll(client.closed).toEqual({ code: 4403, reason: "sockets are for clients that say who they are" });
});

test.each(["x-hasura-admin-secret", "X-Hasura-Access-Key"])(
  "a socket does not take the admin secret as %s",
  async (name) => {
    const client = await connect(served.url);
    clients.push(client);

    client.send({ type: "connection_init", payload: { headers: { [name]: ADMIN_SECRET } } });

    await expect.poll(client.closed).toEqual({ code: 4403, reason: "the admin secret is not accepted on sockets" });
  },
);

test("a tenant has so many sockets, and another has its own", async () => {
  for (let index = 0; index < 3; index += 1) await open(member("one"));
  const [first] = clients;

  const beyond = await connect(served.url);
  clients.push(beyond);
  beyond.send({ type: "connection_init", payload: { headers: member("one") } });

  await expect.poll(beyond.closed).toEqual({ code: 4403, reason: "more than 3 sockets of one tenant or user" });
  const other = await open(member("two"));
  expect(other.messages()[0]).toMatchObject({ type: "connection_ack" });
  first?.socket.close();
  await expect
    .poll(async () => {
      const next = await connect(served.url);
      clients.push(next);
      next.send({ type: "connection_init", payload: { headers: member("one") } });
      await Promise.race([once(next.socket, "message"), once(next.socket, "close")]);
      return next.messages()[0]?.type;
    })
    .toBe("connection_ack");
});

test("a tenant has so many subscriptions on all its sockets, and gets the places of ended ones back", async () => {
  const [client, again] = [await open(member("one")), await open(member("one"))];
  const query = "subscription { notes(where: {id: {_eq: 2}}) { id } }";
  client.subscribe("1", query);
  again.subscribe("2", query);
  await expect.poll(() => client.answers("1").length + again.answers("2").length).toBe(2);

  client.subscribe("3", query);

  await expect
    .poll(() => client.messages().find(({ id }) => id === "3"))
    .toMatchObject({ type: "error", payload: [{ message: "more than 2 subscriptions of one tenant or user" }] });
  again.send({ type: "complete", id: "2" });
  let tries = 0;
  await expect
    .poll(() => {
      tries += 1;
      client.subscribe(`more ${tries}`, query);
      return client.messages().some(({ id, type }) => id?.startsWith("more") === true && type === "next");
    })
    .toBe(true);
});
