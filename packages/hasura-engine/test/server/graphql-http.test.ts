import { afterAll, beforeAll, expect, test } from "vitest";
import { admin, type Served, serve, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

const tables = [
  {
    table: "notes",
    select_permissions: [{ role: "reader", permission: { columns: ["id", "text"], filter: {} } }],
  },
  {
    table: "broken",
    select_permissions: [{ role: "reader", permission: { columns: ["id"], filter: {} } }],
  },
];

let database: TestDatabase;
let served: Served;

beforeAll(async () => {
  database = await createTestDatabase(`
    create table notes (id int primary key, text text not null);
    insert into notes values (1, 'one'), (2, 'two');
    create function boom() returns int language plpgsql as $$ begin raise 'boom at home'; end $$;
    create view broken as select boom() as id;
  `);
  served = await serve(database.url, tables, { env: { HASURA_GRAPHQL_CORS_DOMAIN: "https://app.example.com" } });
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

async function call(path: string, { method = "POST", headers = {}, body }: RequestInit = {}) {
  const reply = await fetch(served.url + path, { method, headers: { ...headers }, ...(body ? { body } : {}) });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text };
}

const graphql = (body: unknown, headers: Record<string, string> = userHeaders("reader")) =>
  call("/v1/graphql", {
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

test("a batch is answered in its order, a refusal in its place", async () => {
  const { status, text } = await graphql([
    { query: "{ notes_by_pk(id: 2) { text } }" },
    { query: "{ nothing }" },
    { query: "query a { notes_by_pk(id: 1) { text } } query b { notes { id } }", operationName: "a" },
  ]);

  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual([
    { data: { notes_by_pk: { text: "two" } } },
    {
      errors: [
        {
          message: "field 'nothing' not found in type: 'query_root'",
          extensions: { path: "$.selectionSet.nothing", code: "validation-failed" },
        },
      ],
    },
    { data: { notes_by_pk: { text: "one" } } },
  ]);
});

test.each([
  ["more than 50 requests in a batch", Array.from({ length: 51 }, () => ({ query: "{ __typename }" })), "bad-request"],
  ["a body of more than 4 MiB", `{"query":"${" ".repeat(4 * 1024 * 1024)}"}`, "bad-request"],
  ["text that is no JSON", "{ notes { id } }", "invalid-json"],
  ["a JSON text", '"{ notes { id } }"', "parse-failed"],
  [
    "a persisted query",
    { query: "{ __typename }", extensions: { persistedQuery: { version: 1, sha256Hash: "0" } } },
    "not-supported",
  ],
])("%s is refused with status 200", async (_what, body, code) => {
  const { status, text } = await graphql(body);

  expect(status).toBe(200);
  expect(JSON.parse(text).errors[0].extensions).toMatchObject({ code, path: expect.stringMatching(/^\$/) });
});

test("a client that is still writing a body that is too long gets the answer all the same", async () => {
  for (let time = 0; time < 10; time++) {
    const { status, text } = await graphql(`{"query":"${" ".repeat(12 * 1024 * 1024)}"}`);

    expect([status, JSON.parse(text).errors[0].extensions.code]).toEqual([200, "bad-request"]);
  }
});

test("a fault of the database is told to an admin only", async () => {
  const query = { query: "{ broken { id } }" };

  const asReader = JSON.parse((await graphql(query)).text);
  const asAdmin = JSON.parse((await graphql(query, admin)).text);

  expect(asReader.errors[0].extensions).toEqual({ path: "$", code: "unexpected" });
  expect(asReader.errors[0].message).toBe("database query error");
  expect(JSON.stringify(asAdmin.errors[0].extensions.internal)).toContain("boom at home");
});

test("each answer carries the client's request id, or one of its own", async () => {
  const given = await graphql({ query: "{ __typename }" }, { ...userHeaders("reader"), "x-request-id": "abc-1" });
  const own = await graphql({ query: "{ __typename }" });
  const long = await graphql(
    { query: "{ __typename }" },
    { ...userHeaders("reader"), "x-request-id": "x".repeat(201) },
  );

  expect(given.headers.get("x-request-id")).toBe("abc-1");
  expect(own.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  expect(long.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ["GET", "/v1/graphql"],
  ["GET", "/"],
  ["POST", "/v1/query"],
  ["POST", "/v1/metadata"],
  ["GET", "/console/console.js"],
  ["PUT", "/healthz"],
])("%s %s is no resource here", async (method, path) => {
  const { status, text } = await call(path, { method, headers: admin });

  expect(status).toBe(404);
  expect(JSON.parse(text)).toEqual({ path: "$", error: "resource does not exist", code: "not-found" });
});

test("an engine whose database does not answer within a second is not ready", async () => {
  const pool = served.engine.pools.admin;
  const taken = await Promise.all(Array.from({ length: pool.options.max ?? 0 }, () => pool.connect()));

  const hanging = await call("/ready", { method: "GET" });
  for (const client of taken) client.release();

  expect(hanging.status).toBe(503);
  expect((await call("/ready", { method: "GET" })).status).toBe(200);
});

test("version and health are told to anybody", async () => {
  expect(JSON.parse((await call("/v1/version", { method: "GET" })).text)).toEqual({
    version: expect.any(String),
    server_type: "ce",
  });
  for (const path of ["/healthz", "/hasura/healthz", "/healthz?strict=true"])
    expect(await call(path, { method: "GET" })).toMatchObject({ status: 200, text: "OK" });
  expect((await call("/ready", { method: "GET" })).status).toBe(200);
});

test("health warns of inconsistent objects, and fails where it is strict", async () => {
  const other = await serve(database.url, [...tables, { table: "missing" }]);
  try {
    const plain = await fetch(`${other.url}/healthz`);
    const strict = await fetch(`${other.url}/healthz?strict=true`);

    expect([plain.status, await plain.text()]).toEqual([200, "WARN: inconsistent objects in schema"]);
    expect([strict.status, await strict.text()]).toEqual([500, "ERROR: inconsistent objects in schema"]);
  } finally {
    await other.close();
  }
});

test("browsers of other origins are not allowed", async () => {
  const preflight = (origin: string) =>
    call("/v1/graphql", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });

  const app = await preflight("https://app.example.com");
  const evil = await preflight("https://evil.example.com");

  expect(app.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  expect(app.headers.get("access-control-allow-headers")).toBe("authorization");
  expect(evil.headers.get("access-control-allow-origin")).toBeNull();
});
