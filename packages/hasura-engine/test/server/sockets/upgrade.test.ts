import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { admin, connect, connectAs, refusal, type Served, serve } from "../../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../../test-database.ts";

// Who may open a socket at all: before anything is said over it.

let database: TestDatabase;
const open: Served[] = [];

beforeAll(async () => {
  database = await createTestDatabase("create table notes (id int primary key)");
});
afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
});
afterAll(() => database.drop());

async function start(options: Parameters<typeof serve>[2]): Promise<string> {
  const served = await serve(database.url, [{ table: "notes" }], options);
  open.push(served);
  return served.url;
}

const foreign = {
  status: 400,
  body: {
    path: "$",
    error: "received origin header does not match configured CORS domains",
    code: "access-denied",
  },
};

test.each([
  ["https://app.example.com", undefined],
  ["https://APP.example.com", undefined],
  ["https://one.example.org", undefined],
  ["https://evil.example", foreign],
  ["https://app.example.com.evil.example", foreign],
  ["http://app.example.com", foreign],
  ["null", foreign],
])("with CORS domains configured, a socket of origin %s is judged by them", async (origin, expected) => {
  const url = await start({
    env: { HASURA_GRAPHQL_CORS_DOMAIN: "https://app.example.com, https://*.example.org" },
  });

  const answer = await refusal(url, { origin });

  expect(answer).toEqual(expected);
});

test.each([
  ["http://localhost:5173", true],
  ["https://127.0.0.1", true],
  ["http://[::1]:3000", true],
  ["http://app.localhost:8000", true],
  ["http://localhost.evil.example", false],
  ["http://127.0.0.1.evil.example:80", false],
  ["http://evil.example/localhost", false],
  ["null", false],
])(
  "with HASURA_ENGINE_CORS_LOOPBACK every page of this machine may ask, and no other: %s",
  async (origin, isAllowed) => {
    const url = await start({
      env: { HASURA_GRAPHQL_CORS_DOMAIN: "https://app.example.com", HASURA_ENGINE_CORS_LOOPBACK: "true" },
    });
    const preflight = await fetch(`${url}/v1/graphql`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });

    expect(preflight.headers.get("access-control-allow-origin")).toBe(isAllowed ? origin : null);
    expect((await refusal(url, { origin })) === undefined).toBe(isAllowed);
  },
);

test("a client that names no origin, and any origin under *, may open a socket", async () => {
  const closed = await start({ env: { HASURA_GRAPHQL_CORS_DOMAIN: "https://app.example.com" } });
  const anybody = await start({});

  const answers = [await refusal(closed), await refusal(anybody, { origin: "https://evil.example" })];

  expect(answers).toEqual([undefined, undefined]);
});

test("a socket beyond the limit is refused, and a freed place is given again", async () => {
  const url = await start({ socketsMax: 2 });
  const [first, second] = [await connect(url), await connectAs(url, admin)];

  const refused = await refusal(url);

  expect(refused).toEqual({
    status: 503,
    body: { path: "$", error: "there are already 2 sockets", code: "bad-request" },
  });
  second.subscribe("1", "{ notes { id } }");
  await expect.poll(() => second.answers("1")).toEqual([{ data: { notes: [] } }]);

  first.socket.close();
  await once(first.socket, "close");

  await expect.poll(() => refusal(url)).toBeUndefined();
});

test("1,000 sockets may be open by default, one more is refused", async () => {
  const url = await start({});
  const clients = [];
  // One that says nothing for 3 s is closed, which on a busy machine would be the first before the last is open.
  for (let index = 0; index < 1_000; index += 1) clients.push(await connectAs(url, admin));

  const refused = await refusal(url);

  expect(refused?.body).toMatchObject({ error: "there are already 1000 sockets" });
  for (const { socket } of clients) socket.terminate();
});
