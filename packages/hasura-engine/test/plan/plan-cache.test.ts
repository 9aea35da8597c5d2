import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { metadataOf } from "../events/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let engine: Engine;

const tables = [
  {
    table: "things",
    select_permissions: [
      { role: "reader", permission: { columns: ["id", "name"], filter: {} } },
      { role: "other", permission: { columns: ["id", "name"], filter: { id: { _gt: 1 } } } },
    ],
  },
];

beforeAll(async () => {
  database = await createTestDatabase("create table things (id int primary key, name text)");
  engine = await createEngine({
    metadata: metadataOf(tables),
    databaseUrl: database.url,
    settings: settingsFromEnv({}),
    events: false,
  });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

function plan(query: string, variables: object = {}, role = "reader") {
  const [request] = engine.parseRequestBody(JSON.stringify({ query, variables })).requests;
  if (request === undefined) throw new Error("no request was read");
  const session = { role, variables: new Map(), backendOnly: false, admin: false, expiresAt: undefined };
  return engine.plan(request, session).operation;
}

const byId = "query ($id: Int!) { things(where: {id: {_eq: $id}}) { name } }";

test("a document that comes again has its plan, whatever its scalars are", () => {
  expect(plan(byId, { id: 2 })).toBe(plan(byId, { id: 1 }));
});

test("another role, an absent variable and a null are other plans", () => {
  const query = "query ($n: Int) { things(limit: $n) { name } }";

  expect(plan(byId, { id: 1 }, "other")).not.toBe(plan(byId, { id: 1 }));
  expect(plan(query, { n: 1 })).not.toBe(plan(query));
  expect(plan(query, { n: null })).not.toBe(plan(query));
});

test("a variable that carries an expression is planned each time", () => {
  const query = "query ($where: things_bool_exp!) { things(where: $where) { name } }";
  const where = { where: { id: { _eq: 1 } } };

  expect(plan(query, where)).not.toBe(plan(query, where));
});

test("a variable that decides what is selected is planned each time", () => {
  const query = "query ($more: Boolean!) { things { id name @include(if: $more) } }";

  const [all, fewer] = [plan(query, { more: true }), plan(query, { more: false })];

  expect(fewer).not.toBe(all);
  expect(plan(query, { more: true })).toEqual(all);
});

test("the plans of 1,000 documents that come again are kept, those of before are forgotten", () => {
  const twice = (index: number) => {
    const text = `{ alias${index}: things { id } }`;
    const first = plan(text);
    return plan(text) === first ? first : undefined;
  };
  const first = twice(0);
  for (let index = 1; index < 1_000; index++) twice(index);
  expect(first).toBeDefined();
  expect(twice(0)).toBe(first);

  for (let index = 1_000; index < 2_000; index++) twice(index);

  expect(twice(1_999)).toBeDefined();
  expect(twice(0)).not.toBe(first);
});

test("new metadata forgets all plans", async () => {
  const before = plan(byId, { id: 1 });

  await engine.reload(metadataOf(tables));

  expect(plan(byId, { id: 1 })).not.toBe(before);
});

const onceOnly = (count: number, from: number): void => {
  for (let index = 0; index < count; index++) plan(`{ things(where: {id: {_eq: ${from + index}}}) { id } }`);
};

test("documents that come once push out no plan of one that comes again", () => {
  const often = plan("{ often: things { id } }");
  expect(plan("{ often: things { id } }")).toBe(often);

  onceOnly(2_000, 10_000);

  expect(plan("{ often: things { id } }")).toBe(often);
});

test("a document that comes again after many others is kept from then on", () => {
  const first = plan("{ seldom: things { id } }");
  onceOnly(200, 20_000);
  const second = plan("{ seldom: things { id } }");
  onceOnly(200, 30_000);

  expect(second).not.toBe(first);
  expect(plan("{ seldom: things { id } }")).toBe(second);
});
