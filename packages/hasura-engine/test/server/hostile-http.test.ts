import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PgWire, startPgWire } from "../pg-wire.ts";
import { type Served, serve, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

// What arrives before there is a GraphQL request: bytes, headers, connections.

const tables = [
  {
    table: "notes",
    select_permissions: [{ role: "reader", permission: { columns: ["id", "text"], filter: {} } }],
    insert_permissions: [{ role: "reader", permission: { columns: ["id", "text"], check: {} } }],
  },
  { table: "slow", select_permissions: [{ role: "reader", permission: { columns: ["id"], filter: {} } }] },
];

let database: TestDatabase;
let wire: PgWire;
let served: Served;

/** Reading `slow` waits for whoever holds its lock. */
beforeAll(async () => {
  database = await createTestDatabase(`
    create table notes (id int primary key, text text);
    create table slow (id int primary key);
    insert into notes values (1, 'one');
  `);
  wire = await startPgWire(database.url);
  served = await serve(wire.url, tables, { requestTimeoutMs: 1_000 });
});
afterAll(async () => {
  await served.close();
  await wire.close();
  await database.drop();
});

/** Everything the server says to these bytes until it closes the connection. */
async function exchange(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(served.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let said = "";
  socket.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  for (const part of parts) socket.write(part);
  await once(socket, "close");
  return said;
}

function requestHead(headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: "engine", ...userHeaders("reader"), ...headers });
  return `POST /v1/graphql HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

async function post(body: RequestInit["body"], headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal) {
  const reply = await fetch(`${served.url}/v1/graphql`, {
    method: "POST",
    ...(signal === undefined ? {} : { signal }),
    headers: { "content-type": "application/json", ...userHeaders("reader"), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: reply.status, body: JSON.parse(await reply.text()) };
}

function answeredBody(said: string): unknown {
  return JSON.parse(said.slice(said.indexOf("\r\n\r\n")));
}

test("a body that never ends is cut off", async () => {
  const said = await exchange(requestHead({ "content-length": "100" }), '{"query":');

  expect(said).toMatch(/^HTTP\/1\.1 408 /);
  expect(answeredBody(said)).toEqual({
    path: "$",
    error: "the request took too long to arrive",
    code: "bad-request",
  });
});

test("headers beyond Node's limit are refused", async () => {
  const said = await exchange(requestHead({ "x-hasura-long": "x".repeat(100_000) }));

  expect(said).toMatch(/^HTTP\/1\.1 431 /);
  expect(answeredBody(said)).toMatchObject({ code: "bad-request" });
});

test.each([
  ["no HTTP", "nonsense\r\n\r\n"],
  ["a NUL in a header", requestHead({ "x-hasura-user-id": "a\0b" })],
  ["two lengths", requestHead({ "content-length": "5, 6" })],
])("%s is refused as a bad request", async (_what, bytes) => {
  const said = await exchange(bytes);

  expect(said).toMatch(/^HTTP\/1\.1 400 /);
  expect(answeredBody(said)).toEqual({ path: "$", error: "this is no HTTP request", code: "bad-request" });
});

test.each(["/%zz", "/v1/%", `/${"x".repeat(10_000)}`, "/v1//graphql", "/v1/graphql/", "/V1/GRAPHQL"])(
  "the path %# is no resource here",
  async (path) => {
    const reply = await fetch(served.url + path, { method: "POST" });

    expect([reply.status, await reply.json()]).toEqual([
      404,
      { path: "$", error: "resource does not exist", code: "not-found" },
    ]);
  },
);

test("a text that is no UTF-8 inside of good JSON is refused", async () => {
  const [before, after] = ['{"query":"{ notes(where: {text: {_eq: \\"', '\\"}}) { id } }"}'];

  const { status, body } = await post(Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]));

  expect(status).toBe(200);
  expect(body.errors[0].extensions).toEqual({ path: "$", code: "invalid-json" });
});

test("a compressed body is not read", async () => {
  const { status, body } = await post(gzipSync('{"query":"{ __typename }"}'), { "content-encoding": "gzip" });

  expect([status, body.errors[0].extensions.code]).toEqual([200, "invalid-json"]);
});

test.each([undefined, "text/plain", "application/graphql", "multipart/form-data; boundary=x"])(
  "the body is JSON whatever its content type says: %s",
  async (type) => {
    const reply = await fetch(`${served.url}/v1/graphql`, {
      method: "POST",
      headers: { ...userHeaders("reader"), ...(type === undefined ? {} : { "content-type": type }) },
      body: Buffer.from('{"query":"{ __typename }"}'),
    });

    expect(await reply.json()).toEqual({ data: { __typename: "query_root" } });
  },
);

test("a client that offers HTTP/2 beside its request is answered", async () => {
  const body = '{"query":"{ __typename }"}';
  const offer = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" };

  const answer = await new Promise((resolve, reject) => {
    const headers = { ...userHeaders("reader"), ...offer };
    const asking = request(`${served.url}/v1/graphql`, { method: "POST", headers }, (reply) => resolve(text(reply)));
    asking.on("error", reject);
    asking.on("upgrade", () => reject(new Error("the connection was upgraded")));
    asking.end(body);
  });

  expect(answer).toBe('{"data":{"__typename":"query_root"}}');
});

test("what a client that went away has begun is cancelled, and what it has not begun does not run", async () => {
  const owner = await database.pool.connect();
  await owner.query("begin; lock table slow");
  const abort = new AbortController();
  const asked = post(
    JSON.stringify([
      { query: `{ ${Array.from({ length: 50 }, (_, index) => `a${index}: slow { id }`).join(" ")} }` },
      { query: 'mutation { insert_notes_one(object: {id: 2, text: "too late"}) { id } }' },
    ]),
    {},
    abort.signal,
  );
  await expect.poll(waitingForLocks).toBe(4);
  wire.forget();
  const connections = await served.connections();

  abort.abort();
  await expect(asked).rejects.toThrow();
  await expect.poll(served.connections).toBe(connections - 1);

  await expect.poll(waitingForLocks).toBe(0);
  await owner.query("commit");
  owner.release();
  const { requests } = served.engine.pools;
  await expect.poll(() => requests.idleCount === requests.totalCount).toBe(true);
  expect(new Set(wire.statements())).toEqual(new Set(["select pg_cancel_backend($1)"]));
});

async function waitingForLocks(): Promise<number> {
  const { rows } = await database.pool.query(
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].n;
}
