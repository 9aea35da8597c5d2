import { afterAll, beforeAll, expect, test } from "vitest";
import { UNBOUND } from "../../src/session/holder.ts";
import { type AskedEngine, startAskedEngine } from "../asked-engine.ts";

// Documents with which one tenant stalled all others: a short text, and seconds of planning or megabytes of answer.

let world: AskedEngine;

const role = "member";
const mine = { tenant_id: { _eq: "X-Hasura-Tenant-Id" } };
const isMember = {
  _exists: {
    _table: { schema: "public", name: "memberships" },
    _where: { ...mine, user_id: { _eq: "X-Hasura-User-Id" } },
  },
};
const many = (name: string, table: string, column: string) => ({
  name,
  using: { foreign_key_constraint_on: { table, column } },
});
const tables = [
  {
    table: "tenants",
    array_relationships: [many("workflows", "workflows", "tenant_id"), many("memberships", "memberships", "tenant_id")],
    select_permissions: [
      {
        role,
        permission: { columns: ["id"], filter: { _and: [{ id: { _eq: "X-Hasura-Tenant-Id" } }, isMember] } },
      },
    ],
  },
  {
    table: "workflows",
    object_relationships: [{ name: "tenant", using: { foreign_key_constraint_on: "tenant_id" } }],
    select_permissions: [
      {
        role,
        permission: {
          columns: ["id", "description"],
          filter: { _and: [mine, isMember] },
          allow_aggregations: true,
        },
      },
    ],
    insert_permissions: [
      { role, permission: { columns: ["id", "description"], check: mine, set: { tenant_id: "x-hasura-tenant-id" } } },
    ],
    update_permissions: [{ role, permission: { columns: ["description"], filter: mine, check: mine } }],
  },
  {
    table: "memberships",
    object_relationships: [{ name: "tenant", using: { foreign_key_constraint_on: "tenant_id" } }],
    select_permissions: [{ role, permission: { columns: ["user_id"], filter: { _and: [mine, isMember] } } }],
  },
];
const actions = ["register", "look"].map((name) => ({
  name,
  definition: {
    kind: "synchronous",
    type: name === "look" ? "query" : "mutation",
    handler: "http://127.0.0.1:1",
    output_type: "String",
    arguments: [],
  },
  permissions: [{ role }],
}));

beforeAll(async () => {
  world = await startAskedEngine({
    sql: `
      create table tenants (id int primary key);
      create table workflows (id int primary key, tenant_id int not null references tenants, description text);
      create table memberships (tenant_id int not null references tenants, user_id int not null, primary key (tenant_id, user_id));
      insert into tenants values (1);
      insert into memberships values (1, 1);
      insert into workflows select n, 1, 'text' from generate_series(1, 3) n;
    `,
    tables,
    root: { actions },
    env: { HASURA_ENGINE_DOCUMENT_INTROSPECTION_VALUES_MAX: "20000" },
  });
});
afterAll(() => world.close());

const session = { "x-hasura-tenant-id": "1", "x-hasura-user-id": "1" };
const asMember = (query: string, variables: object = {}) => world.ask(query, { role, session, variables });
const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");

/** Each level spreads the next one twice, beside relationships of its own. */
const multiplying = `{ workflows(limit: 1) { ...f0 } } ${times(
  8,
  (level) =>
    `fragment f${level} on workflows { x${level}: tenant { id } tenant { workflows { ...f${level + 1} } memberships { tenant { workflows { ...f${level + 1} } } } } }`,
)} fragment f8 on workflows { id }`;

/** `w = {tenant: {workflows: {_or: [w, w]}}}`. */
function nestedCondition(levels: number): string {
  const inner = levels === 1 ? "{id: {_eq: 1}}" : nestedCondition(levels - 1);
  return `{tenant: {workflows: {_or: [${inner}, ${inner}]}}}`;
}

/** Relationships beside each other, none inside another. */
const wideCondition = (count: number): string =>
  `{_or: [${times(count, (index) => `{tenant: {id: {_eq: ${index}}}}`)}]}`;

test.each([
  [
    "fragments that multiply relationships",
    multiplying,
    /^bad-request \$\.selectionSet\.workflows\.\S+ the document needs more than 60 subqueries$/,
  ],
  [
    "aggregates",
    `{ ${times(40, (index) => `a${index}: workflows_aggregate { aggregate { count } }`)} }`,
    /^bad-request \$\.selectionSet\.workflows_aggregate\S* the document needs more than 60 subqueries$/,
  ],
  [
    "relationships that order",
    `{ workflows(order_by: [${times(70, () => "{tenant: {id: asc}}")}]) { id } }`,
    /^bad-request \$\.selectionSet\.workflows\.args\.order_by\S* the document needs more than 60 subqueries$/,
  ],
  [
    "conditions inside conditions",
    `{ workflows(where: ${nestedCondition(7)}) { id } }`,
    /^bad-request \$\.selectionSet\.workflows\.args\.where\S+ the conditions follow relationships deeper than 6 levels$/,
  ],
  [
    "conditions beside conditions",
    `{ workflows(where: ${wideCondition(31)}) { id } }`,
    /^bad-request \$\.selectionSet\.workflows\.args\.where\S+ the conditions follow more than 30 relationships$/,
  ],
  [
    "many fields",
    `{ workflows { ${times(2_001, (index) => `f${index}: id`)} } }`,
    /^bad-request \$\.selectionSet\.workflows\.selectionSet the document selects more than 2000 fields$/,
  ],
  [
    "many aliases of a root field",
    `{ ${times(61, (index) => `a${index}: __typename`)} }`,
    /^bad-request \$\.selectionSet the document has more than 60 root fields$/,
  ],
  [
    "many aliases of introspection",
    `{ ${times(50, (index) => `a${index}: __schema { types { name fields { name args { name type { name ofType { name } } } } } }`)} }`,
    /^bad-request \$\.selectionSet\.__schema the introspection asks for more than 20000 values$/,
  ],
  [
    "a condition of great length",
    `{ workflows(where: {_or: [${times(4_000, (index) => `{description: {_like: "${index}"}}`)}]}) { id } }`,
    /^bad-request \$\.selectionSet\.workflows the SQL of the document is longer than 200000 characters$/,
  ],
  [
    "many calls of actions",
    `mutation { ${times(6, (index) => `a${index}: register`)} }`,
    /^bad-request \$\.selectionSet\.register the request calls more than 5 actions$/,
  ],
  [
    "many updates",
    `mutation { update_workflows_many(updates: [${times(500, () => '{where: {id: {_eq: 1}}, _set: {description: "x"}}')}]) { affected_rows } }`,
    /^bad-request \$\.selectionSet\.update_workflows_many\.args\.updates\[499\] the document makes more than 500 separate writes$/,
  ],
])("%s are refused, and the answer says which bound", async (_what, query, wanted) => {
  const reply = await asMember(query);

  expect("error" in reply ? reply.error : reply).toMatch(wanted);
});

test("a condition in a variable costs as much as one in the document", async () => {
  const where = { _or: Array.from({ length: 31 }, () => ({ tenant: { id: { _eq: 1 } } })) };

  const reply = await asMember("query ($where: workflows_bool_exp) { workflows(where: $where) { id } }", { where });

  expect(reply).toEqual({ error: expect.stringMatching(/more than 30 relationships$/) });
});

test("the documents of one body share the bound of actions, and each has its own of fields", async () => {
  const spent = { actionFields: 0, introspectionValues: 0 };
  const ask = async (query: string): Promise<string> => {
    const [request] = world.engine.parseRequestBody(JSON.stringify({ query })).requests;
    if (request === undefined) throw new Error("no request was read");
    const variables = new Map(Object.entries({ "x-hasura-role": role, ...session }));
    const caller = { role, variables, backendOnly: false, admin: false, expiresAt: undefined };
    const context = {
      session: caller,
      clientHeaders: new Map(),
      requestId: "1",
      holder: UNBOUND,
      spent,
    };
    return world.engine.execute(request, context).then(
      ({ dataText }) => dataText,
      (error: Error) => error.message,
    );
  };
  const fields = `{ workflows(where: {id: {_eq: 0}}) { ${times(1_900, (index) => `f${index}: id`)} } }`;

  const wide = [await ask(fields), await ask(fields)];
  const calls = [await ask("{ a: look b: look c: look }"), await ask("{ a: look b: look c: look }")];

  expect(wide).toEqual(['{"workflows":[]}', '{"workflows":[]}']);
  expect(calls).toEqual(["http exception when calling webhook", "the request calls more than 5 actions"]);
});

test("what stays within the bounds is answered, and the role admin is not bound", async () => {
  const wide = `{ workflows(where: ${wideCondition(31)}) { id } }`;

  const within = await asMember(`{ workflows(where: ${nestedCondition(3)}) { id } }`);
  const admin = await world.ask(wide);

  expect(within).toEqual({ data: { workflows: [{ id: 1 }, { id: 2 }, { id: 3 }] } });
  expect(admin).toEqual({ data: { workflows: [{ id: 1 }, { id: 2 }, { id: 3 }] } });
});

test("an introspection that comes again is answered as the first time, and costs as much", async () => {
  const query = '{ __schema { types { name } } __type(name: "tenants") { fields { name } } }';

  const [first, second] = [await asMember(query), await asMember(query)];

  expect(second).toEqual(first);
  expect(first).toMatchObject({ data: { __type: { fields: expect.arrayContaining([{ name: "workflows" }]) } } });
});
