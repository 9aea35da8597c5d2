import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { UNBOUND } from "../../src/session/holder.ts";
import { type PgWire, startPgWire } from "../pg-wire.ts";
import { type Served, serve, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

const filter = { tenant: { _eq: "X-Hasura-Tenant" } };
const permission = { columns: "*", filter };
const write = { columns: ["id", "name", "facts", "author_id"], check: {}, set: { tenant: "x-hasura-tenant" } };
const byForeignKey = (name: string, table: string, column: string) => ({
  name,
  using: { foreign_key_constraint_on: { table, column } },
});

const tables = [
  {
    table: "authors",
    array_relationships: [byForeignKey("articles", "articles", "author_id")],
    select_permissions: [{ role: "writer", permission: { ...permission, allow_aggregations: true } }],
    insert_permissions: [{ role: "writer", permission: write }],
    update_permissions: [{ role: "writer", permission: { ...permission, check: {} } }],
    delete_permissions: [{ role: "writer", permission: { filter } }],
  },
  {
    table: "articles",
    object_relationships: [{ name: "author", using: { foreign_key_constraint_on: "author_id" } }],
    select_permissions: [{ role: "writer", permission: { ...permission, allow_aggregations: true } }],
    insert_permissions: [{ role: "writer", permission: write }],
    update_permissions: [{ role: "writer", permission: { ...permission, check: {} } }],
    delete_permissions: [{ role: "writer", permission: { filter } }],
  },
];

let database: TestDatabase;
let wire: PgWire;
let served: Served;

beforeAll(async () => {
  database = await createTestDatabase(`
    create table authors (id int primary key, tenant text, name text unique, facts jsonb, author_id int);
    create table articles (id int primary key, tenant text, name text, facts jsonb,
                           author_id int references authors);
    create table actors (at bigint generated always as identity, actor text);
    create function note_actor() returns trigger language plpgsql as $$
      begin insert into actors (actor) values (current_setting('hasura.user', true)); return null; end $$;
    create trigger authors_actor after insert or update or delete on authors execute function note_actor();
  `);
  wire = await startPgWire(database.url);
  served = await serve(wire.url, tables);
});
beforeEach(async () => {
  await database.pool.query(`
    truncate authors, articles, actors restart identity;
    insert into authors values (1, 'tenant-canary', 'Ada', '{"k": [1]}'), (2, 'tenant-canary', 'Bob', null);
    insert into articles values (11, 'tenant-canary', 'One', '{"a": 1}', 1), (12, 'tenant-canary', 'Two', null, 1);
  `);
  await database.pool.query("truncate actors");
  wire.forget();
});
afterAll(async () => {
  await served.close();
  await wire.close();
  await database.drop();
});

const session = { "x-hasura-tenant": "tenant-canary", "x-hasura-user-id": "user-canary" };

async function ask(query: string, variables: object = {}): Promise<string> {
  const reply = await fetch(`${served.url}/v1/graphql`, {
    method: "POST",
    headers: userHeaders("writer", session),
    body: JSON.stringify({ query, variables }),
  });
  return reply.text();
}

const queries: readonly (readonly [string, string, object, number])[] = [
  [
    "a list with everything nested",
    `query ($w: String!, $n: Int!) { canary_alias_list: authors(where: {name: {_neq: $w}, articles: {name: {_ilike: "%canary-literal%"}}},
       order_by: [{articles_aggregate: {count: desc}}, {name: asc}], limit: $n) { canary_alias_id: id
       canary_alias_facts: facts(path: "$.canary_path[0]")
       canary_alias_rel: articles(where: {facts: {_has_key: "canary-key"}}, distinct_on: [name], order_by: [{name: asc}]) { name author { name } }
       articles_aggregate { aggregate { count max { name } } nodes { id } } } }`,
    { w: "canary-variable", n: 5 },
    1,
  ],
  [
    "a row by its key",
    "query ($id: Int!) { authors_by_pk(id: $id) { id name articles { author { id } } } }",
    { id: 1 },
    1,
  ],
  [
    "an aggregate",
    '{ authors_aggregate(where: {_or: [{name: {_similar: "canary-literal"}}, {id: {_gt: 0}}]}) { aggregate { count(columns: [name], distinct: true) sum { id } } nodes { name } } }',
    {},
    1,
  ],
  [
    "three root fields",
    '{ a: authors { id } b: articles(where: {name: {_eq: "canary-literal"}}) { id } c: authors_aggregate { aggregate { count } } __typename }',
    {},
    3,
  ],
];

describe("queries", () => {
  test.each(queries)("%s is one statement for each root field", async (_what, query, variables, fields) => {
    const text = await ask(query, variables);

    expect(JSON.parse(text)).toHaveProperty("data");
    expect(wire.statements()).toHaveLength(fields);
  });
});

const mutations: readonly (readonly [string, string, object])[] = [
  [
    "an insert of many",
    `mutation ($o: [authors_insert_input!]!) { insert_authors(objects: $o) { affected_rows returning { canary_alias_n: name articles { id } } } }`,
    {
      o: [
        { id: 3, name: "canary-variable", facts: { "canary-key": "canary-variable" } },
        { id: 4, name: "canary-'); drop table authors; --" },
      ],
    },
  ],
  [
    "a nested insert",
    'mutation { insert_authors_one(object: {id: 5, name: "canary-literal", articles: {data: [{id: 51, name: "canary-literal"}]}}) { name articles { name } } }',
    {},
  ],
  [
    "an upsert",
    `mutation { insert_authors_one(object: {id: 6, name: "Ada"}, on_conflict: {constraint: authors_name_key, update_columns: [facts], where: {name: {_neq: "canary-literal"}}}) { id } }`,
    {},
  ],
  [
    "an update",
    'mutation ($p: jsonb) { update_authors(where: {name: {_in: ["canary-literal", "Ada"]}}, _set: {name: "canary-literal"}, _append: {facts: $p}) { affected_rows } }',
    { p: { "canary-key": "canary-variable" } },
  ],
  [
    "a deletion",
    'mutation { delete_articles(where: {name: {_neq: "canary-literal"}}) { returning { name author { name } } } }',
    {},
  ],
];

describe("no text of a request is ever SQL", () => {
  test.each([...queries.map(([what, query, variables]) => [what, query, variables] as const), ...mutations])(
    "%s",
    async (_what, query, variables) => {
      const text = await ask(query, variables);

      expect(JSON.parse(text)).toHaveProperty("data");
      expect(wire.statements().filter((sql) => /canary/i.test(sql))).toEqual([]);
      expect(wire.parameters()).toContain("tenant-canary");
      const written = [...(query + JSON.stringify(variables)).matchAll(/canary-(?:literal|variable|key)/g)];
      for (const [word] of written) expect(wire.parameters().join("\n")).toContain(word);
    },
  );
});

test("the same document with other values is the same statement, bound anew", async () => {
  const query = "query ($id: Int!) { authors_by_pk(id: $id) { name } }";

  const answers = [await ask(query, { id: 1 }), await ask(query, { id: 2 }), await ask(query, { id: 3 })];

  expect(answers.map((text) => JSON.parse(text).data.authors_by_pk?.name)).toEqual(["Ada", "Bob", undefined]);
  expect(new Set(wire.statements()).size).toBe(1);
});

test("all mutations of a document are one transaction, and its session is what database triggers see", async () => {
  const text = await ask(`mutation {
    a: insert_authors_one(object: {id: 7, name: "Cy"}) { id }
    b: update_authors_by_pk(pk_columns: {id: 7}, _set: {name: "Cyd"}) { name }
    c: delete_authors(where: {id: {_eq: 7}}) { affected_rows }
  }`);
  const { rows } = await database.pool.query<{ actor: string }>("select actor from actors order by at");

  expect(JSON.parse(text).data).toEqual({ a: { id: 7 }, b: { name: "Cyd" }, c: { affected_rows: 1 } });
  expect(rows.map(({ actor }) => JSON.parse(actor))).toEqual(
    Array.from({ length: 3 }, () => ({ ...session, "x-hasura-role": "writer" })),
  );
  expect(wire.statements().filter((sql) => /^\s*(begin|start)/i.test(sql))).toHaveLength(1);
  expect(wire.statements().filter((sql) => /^\s*commit/i.test(sql))).toHaveLength(1);
});

test("the session of one request is not seen by the next on the same connection", async () => {
  await ask('mutation { insert_authors_one(object: {id: 8, name: "Di"}) { id } }');

  const { rows } = await served.engine.pools.requests.query("select current_setting('hasura.user', true) as actor");

  expect(rows[0].actor ?? "").toBe("");
});

test("a failing mutation undoes those before it", async () => {
  const text = await ask(`mutation {
    a: insert_authors_one(object: {id: 9, name: "Eve"}) { id }
    b: insert_authors_one(object: {id: 1, name: "again"}) { id }
  }`);
  const { rows } = await database.pool.query("select count(*)::int as n from authors");

  expect(JSON.parse(text).errors[0].extensions.code).toBe("constraint-violation");
  expect(JSON.parse(text)).not.toHaveProperty("data");
  expect(rows[0].n).toBe(2);
});

test("subscriptions ask with one statement a poll, and parameters", async () => {
  const prepared = served.engine.parseRequestBody(
    JSON.stringify({
      query: 'subscription { authors(where: {name: {_neq: "canary-literal"}}) { id articles { name } } }',
    }),
  ).requests[0];
  if (prepared === undefined) throw new Error("no request");
  const variables = new Map(Object.entries(session));
  const asWriter = { role: "writer", variables, backendOnly: false, admin: false, expiresAt: undefined };
  const answers: unknown[] = [];
  const stop = served.engine.subscribe(
    served.engine.plan(prepared, asWriter),
    { session: asWriter, holder: UNBOUND },
    {
      next: (text) => void answers.push(text),
      pollFailed: (error) => void answers.push(error),
    },
  );

  await expect.poll(() => wire.statements().length).toBeGreaterThan(2);
  stop();

  expect(new Set(wire.statements()).size).toBe(1);
  expect(wire.statements()[0]).not.toContain("canary");
  expect(wire.parameters()).toContain("canary-literal");
  expect(answers).toHaveLength(1);
});
