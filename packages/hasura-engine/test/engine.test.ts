import { createServer, type Server } from "node:http";
import { buildSchema, introspectionFromSchema } from "graphql";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../src/engine.ts";
import { HasuraError } from "../src/hasura-error.ts";
import type { Metadata } from "../src/metadata/metadata.ts";
import { parseMetadata } from "../src/metadata/parse-metadata.ts";
import { MetadataRefusedError, problemText } from "../src/metadata/problem.ts";
import { UNBOUND } from "../src/session/holder.ts";
import { settingsFromEnv } from "../src/settings.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
const open: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(`
    create table things (id bigint primary key, name text);
    insert into things values (9007199254740993, 'big'), (2, 'small');
    create table other (id int primary key);
    create view late as select 1 / (pg_sleep(0.2)::text <> '')::int as id;
  `);
});
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
afterAll(() => database.drop());

const settings = settingsFromEnv({ HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true" });

function metadata(tables: readonly object[], root: object = {}): Metadata {
  const configuration = { connection_info: { database_url: "postgres://unused" } };
  const parsed = parseMetadata(
    { version: 3, sources: [{ name: "default", kind: "postgres", configuration, tables }], ...root },
    {},
  );
  if ("problems" in parsed) throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.metadata;
}

async function start(given: Metadata, options: { readonly remoteRetryMs?: number } = {}): Promise<Engine> {
  const engine = await createEngine({ metadata: given, databaseUrl: database.url, settings, ...options });
  open.push(() => engine.close());
  return engine;
}

async function ask(engine: Engine, query: string, role = "admin", variables: object = {}): Promise<string> {
  const [request] = engine.parseRequestBody(JSON.stringify({ query, variables })).requests;
  if (request === undefined) throw new Error("no request was read");
  const session = {
    role,
    variables: new Map([["x-hasura-role", role]]),
    backendOnly: false,
    admin: role === "admin",
    expiresAt: undefined,
  };
  const { dataText } = await engine.execute(request, {
    session,
    clientHeaders: new Map(),
    requestId: "r",
    holder: UNBOUND,
  });
  return dataText;
}

test("a query is answered with every digit", async () => {
  const engine = await start(metadata([{ table: "things" }]));

  const text = await ask(engine, "{ things(order_by: {id: desc}, limit: 1) { id name } }");

  expect(JSON.parse(text.replaceAll(/\d{16,}/g, '"$&"'))).toEqual({
    things: [{ id: "9007199254740993", name: "big" }],
  });
});

test("of several root fields that fail the first is told, though another fails earlier", async () => {
  const engine = await start(metadata([{ table: "things" }, { table: "late" }]));
  const broken = 'things(where: {id: {_eq: "no number"}}) { id }';

  const answers = await Promise.allSettled([
    ask(engine, `{ late { id } ${broken} }`),
    ask(engine, `{ ${broken} late { id } }`),
  ]);

  expect(answers.map((answer) => (answer.status === "rejected" ? String(answer.reason) : "data"))).toEqual([
    expect.stringContaining("division by zero"),
    expect.stringContaining("no number"),
  ]);
});

test("introspection stands among other fields in document order", async () => {
  const engine = await start(metadata([{ table: "things" }]));

  const text = await ask(
    engine,
    "query ($n: String!) { __type(name: $n) { name } things(where: {id: {_eq: 2}}) { name } t: __typename }",
    "admin",
    { n: "things" },
  );

  expect(text.replaceAll(/\s/g, "")).toBe('{"__type":{"name":"things"},"things":[{"name":"small"}],"t":"query_root"}');
});

test("a reload brings new tables and tells listeners", async () => {
  const engine = await start(metadata([{ table: "things" }]));
  const versions: number[] = [];
  engine.onChange(({ model }) => versions.push(model.version));

  await engine.reload(metadata([{ table: "other" }]));

  expect(JSON.parse(await ask(engine, "{ other { id } }"))).toEqual({ other: [] });
  await expect(ask(engine, "{ things { id } }")).rejects.toThrow("field 'things' not found in type: 'query_root'");
  expect(versions).toEqual([2]);
});

test("metadata that is refused at a reload leaves the old one in force", async () => {
  const engine = await start(metadata([{ table: "things" }]));
  const strict = settingsFromEnv({});
  const engineWithoutRemotes = await createEngine({
    metadata: metadata([{ table: "things" }]),
    databaseUrl: database.url,
    settings: strict,
  });
  open.push(() => engineWithoutRemotes.close());

  const reload = engineWithoutRemotes.reload(
    metadata([], { remote_schemas: [{ name: "r", definition: { url: "http://x" } }] }),
  );

  await expect(reload).rejects.toBeInstanceOf(MetadataRefusedError);
  expect(JSON.parse(await ask(engineWithoutRemotes, "{ things(where: {id: {_eq: 2}}) { name } }"))).toEqual({
    things: [{ name: "small" }],
  });
  expect(engine.state().model.version).toBe(1);
});

test("inconsistent objects are left out and reported", async () => {
  const engine = await start(metadata([{ table: "things" }, { table: "nobody" }]));

  const found = engine.inconsistencies().map(({ name, code }) => ({ name, code }));

  expect(found).toEqual([{ name: "table nobody in source default", code: "not-exists" }]);
});

test("the schema of a role shows only what it may see", async () => {
  const select_permissions = [{ role: "reader", permission: { columns: ["name"], filter: {} } }];
  const engine = await start(metadata([{ table: "things", select_permissions }, { table: "other" }]));

  const sdl = engine.sdl("reader");

  expect(sdl).toContain("type things {");
  expect(sdl).not.toMatch(/\bid\b|\bother\b|mutation_root/);
});

test("subscriptions are refused outside a socket", async () => {
  const engine = await start(metadata([{ table: "things" }]));

  const answer = ask(engine, "subscription { things { id } }");

  await expect(answer).rejects.toEqual(
    new HasuraError("unexpected-payload", "subscriptions are not supported over HTTP, use websockets instead"),
  );
});

test("an unreachable remote schema is asked again until it answers", async () => {
  const port = await freePort();
  const engine = await start(
    metadata([{ table: "things" }], {
      remote_schemas: [{ name: "up", definition: { url: `http://127.0.0.1:${port}` } }],
    }),
    { remoteRetryMs: 50 },
  );
  expect(engine.inconsistencies()).toHaveLength(1);

  const upstream = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: introspectionFromSchema(buildSchema("type Query { hello: String }")) }));
  });
  await listen(upstream, port);
  open.push(() => new Promise((resolve) => upstream.close(() => resolve())));

  await expect.poll(() => engine.inconsistencies().length).toBe(0);
  expect(engine.sdl("admin")).toContain("hello: String");
});

async function freePort(): Promise<number> {
  const server = createServer();
  await listen(server, 0);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
}
