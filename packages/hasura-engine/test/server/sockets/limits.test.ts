import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { admin, type Client, connect, connectAs, type Served, serve } from "../../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../../test-database.ts";

// What one socket may cost the process, and all of them together.

const MEBIBYTE = 1024 * 1024;

let database: TestDatabase;
let served: Served;
const clients: Client[] = [];

/** `loud` answers a mebibyte that differs from poll to poll. */
beforeAll(async () => {
  database = await createTestDatabase(`
    create table one (id int primary key);
    insert into one values (1);
    create sequence polls;
    create view loud as select id, nextval('polls')::text || repeat('x', ${MEBIBYTE}) as text from one;
  `);
  served = await serve(database.url, [{ table: "one" }, { table: "loud" }]);
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

async function open(): Promise<Client> {
  const client = await connectAs(served.url, admin);
  clients.push(client);
  return client;
}

test("a client that does not read what it subscribed to is cut off, and others read on", async () => {
  const [slow, other] = [await open(), await open()];
  other.subscribe("1", "subscription { one { id } }");
  await expect.poll(() => other.answers("1").length).toBe(1);
  const connections = await served.connections();

  slow.socket.pause();
  slow.subscribe("1", "subscription { loud { text } }");

  await expect.poll(served.connections).toBe(connections - 1);
  other.subscribe("2", "{ one { id } }");
  await expect.poll(() => other.answers("2")).toEqual([{ data: { one: [{ id: 1 }] } }]);
});

test("a message of more than 4 MiB closes its socket with 1009", async () => {
  const client = await open();

  client.subscribe("1", `# ${"x".repeat(4 * MEBIBYTE)}`);

  await expect.poll(client.closed).toMatchObject({ code: 1009 });
});

test("a message that is no UTF-8 closes its socket with 1007", async () => {
  const client = await open();

  client.socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false });

  await expect.poll(client.closed).toMatchObject({ code: 1007 });
});

test("more headers in the init than HTTP would take close the socket with 4400", async () => {
  const client = await connect(served.url);
  clients.push(client);
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`x-hasura-h${index}`, "v"]));

  client.send({ type: "connection_init", payload: { headers: { ...admin, ...many } } });

  await expect.poll(client.closed).toMatchObject({ code: 4400 });
});

test.each([
  ["a NUL", "a\0b", "data-exception"],
  ["half a character", "\ud800", undefined],
])("%s in a header of the init reaches the database as a value, or is refused there", async (_what, value, code) => {
  const own = await serve(database.url, [
    {
      table: "loud",
      select_permissions: [{ role: "user", permission: { columns: ["id"], filter: { text: { _eq: "X-Hasura-T" } } } }],
    },
  ]);
  const client = await connectAs(own.url, { ...admin, "x-hasura-role": "user", "x-hasura-t": value });

  client.subscribe("1", "{ loud { id } }");

  await expect.poll(() => client.messages().find(({ id }) => id === "1")).toBeDefined();
  const [answer] = client.messages().filter(({ id }) => id === "1");
  if (code === undefined) expect(answer).toMatchObject({ type: "next", payload: { data: { loud: [] } } });
  else expect(answer).toMatchObject({ type: "error", payload: [{ extensions: { code } }] });
  await own.close();
});

test("operations hold 64 MiB at most, on all sockets together, and give back what they held", async () => {
  const members = [await open(), await open()];
  const query = "subscription ($unused: String) { one { id } }";
  const unused = "x".repeat(3.9 * MEBIBYTE);
  const answered = () =>
    members.flatMap((client) => [...client.messages()].filter(({ type }) => type === "next")).length;
  for (let index = 0; index < 16; index += 1) members[index % 2]?.subscribe(String(index), query, { unused });
  await expect.poll(answered).toBe(16);
  const [one, other] = members;

  one?.subscribe("more", query, { unused });

  await expect
    .poll(() => one?.messages().at(-1))
    .toMatchObject({
      id: "more",
      type: "error",
      payload: [
        {
          message: "the operations of all sockets are larger than 67108864 bytes",
          extensions: { code: "bad-request" },
        },
      ],
    });
  other?.send({ type: "complete", id: "1" });
  other?.subscribe("1", query, { unused });
  await expect.poll(() => other?.answers("1").length).toBe(2);
  if (other !== undefined) {
    other.socket.terminate();
    await once(other.socket, "close");
  }
  await expect.poll(served.connections).toBe(1);
  one?.subscribe("again", query, { unused });
  await expect.poll(() => one?.answers("again").length).toBe(1);
});

test("a socket carries 1,000 operations", async () => {
  const client = await open();
  for (let index = 0; index < 1_000; index += 1) client.subscribe(String(index), "subscription { one { id } }");

  client.subscribe("more", "subscription { one { id } }");

  await expect
    .poll(() => client.messages().find(({ type }) => type === "error"))
    .toMatchObject({ id: "more", payload: [{ message: "a socket carries at most 1000 operations" }] });
});
