import { afterAll, beforeAll, expect, test } from "vitest";
import { type AskedEngine, startAskedEngine, textOf } from "../asked-engine.ts";
import { type Outside, startOutside } from "../outside.ts";

let handler: Outside;
let world: AskedEngine;
/** What the handlers answer, by the action's name. */
const answers: Record<string, unknown> = {};

const orderType = (name: string, relationships: readonly object[], fields: Record<string, string>) => ({
  name,
  relationships,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const reads = (role: string, columns: readonly string[], more: object = {}) => ({
  role,
  permission: { columns, filter: {}, ...more },
});

beforeAll(async () => {
  handler = await startOutside(({ body }) => ({ body: JSON.stringify(answers[JSON.parse(body).action.name] ?? null) }));
  const action = (name: string, output_type: string) => ({
    name,
    definition: { kind: "synchronous", type: "query", arguments: [], output_type, handler: handler.url },
    permissions: [{ role: "buyer" }, { role: "stranger" }],
  });
  world = await startAskedEngine({
    sql: `
      create table people (id bigint primary key, name text, team uuid, active boolean);
      create table orders (tenant int, number int, buyer bigint, price numeric, primary key (tenant, number));
      insert into people values (1, 'ann', '00000000-0000-0000-0000-000000000001', true),
        (9007199254740993, 'big', '00000000-0000-0000-0000-000000000001', false);
      insert into orders values (1, 1, 1, 10), (1, 2, 1, 30), (1, 3, 1, 20), (2, 1, 9007199254740993, 5);
    `,
    tables: [
      { table: "people", select_permissions: [reads("buyer", ["id", "name"], { filter: { active: true } })] },
      {
        table: "orders",
        select_permissions: [reads("buyer", ["number", "buyer"], { limit: 2, allow_aggregations: true })],
      },
    ],
    root: {
      actions: [action("one", "Cart"), action("many", "[Cart]!"), action("tree", "Tree!"), action("bare", "Bare")],
      custom_types: {
        objects: [
          orderType(
            "Cart",
            [
              { name: "owner", type: "object", remote_table: "people", field_mapping: { ownerId: "id" } },
              { name: "orders", type: "array", remote_table: "orders", field_mapping: { ownerId: "buyer" } },
              {
                name: "main",
                type: "object",
                remote_table: "orders",
                field_mapping: { tenant: "tenant", number: "number" },
              },
              {
                name: "mates",
                type: "array",
                remote_table: "people",
                field_mapping: { team: "team", active: "active" },
              },
            ],
            { ownerId: "bigint", tenant: "Int", number: "Int", team: "uuid", active: "Boolean", note: "String" },
          ),
          orderType("Tree", [], { cart: "Cart", below: "[Tree!]", carts: "[Cart]" }),
          orderType("Bare", [{ name: "owner", type: "object", remote_table: "people", field_mapping: { id: "id" } }], {
            id: "Int",
          }),
        ],
      },
    },
  });
});
afterAll(async () => {
  await world.close();
  await handler.close();
});

test("an object is found by a field that is not selected", async () => {
  answers.one = { ownerId: 1 };

  expect(await world.ask("{ one { owner { name } } }")).toEqual({ data: { one: { owner: { name: "ann" } } } });
});

test("aliases in the selection change nothing about the fields that are mapped", async () => {
  answers.one = { ownerId: 1, note: "n" };

  const reply = await world.ask("{ one { ownerId: note x: owner { ownerId: name } note: ownerId owner { id } } }");

  expect(textOf(reply)).toBe('{"one":{"ownerId":"n","x":{"ownerId":"ann"},"note":1,"owner":{"id":1}}}');
});

test("big numbers find their row", async () => {
  answers.many = [{ ownerId: "9007199254740993" }, { ownerId: "9007199254740992" }];

  expect(await world.ask("{ many { owner { name } } }")).toEqual({
    data: { many: [{ owner: { name: "big" } }, { owner: null }] },
  });
});

test("a null or absent field, and one without rows, give null or an empty list", async () => {
  answers.many = [{ ownerId: null }, {}, { ownerId: 77 }, null];

  const reply = await world.ask(
    "{ many { owner { name } orders { number } orders_aggregate { aggregate { count } nodes { number } } } }",
  );

  const nothing = { owner: null, orders: [], orders_aggregate: { aggregate: { count: 0 }, nodes: [] } };
  expect(reply).toEqual({ data: { many: [nothing, nothing, nothing, null] } });
});

test("rows are matched by all fields of the mapping", async () => {
  answers.many = [
    { tenant: 1, number: 2, team: "00000000-0000-0000-0000-000000000001", active: false },
    { tenant: 2, number: 2, team: "00000000-0000-0000-0000-000000000002", active: true },
  ];

  expect(await world.ask("{ many { main { price } mates { name } } }")).toEqual({
    data: {
      many: [
        { main: { price: 30 }, mates: [{ name: "big" }] },
        { main: null, mates: [] },
      ],
    },
  });
});

test("array relationships take the table's arguments, each use its own", async () => {
  answers.one = { ownerId: 1 };
  const query = `query ($min: numeric) { one {
    dear: orders(where: {price: {_gte: $min}}, order_by: {price: desc}) { number }
    second: orders(order_by: {number: asc}, limit: 1, offset: 1) { number }
    orders(distinct_on: tenant, order_by: [{tenant: asc}, {number: desc}]) { number }
    orders_aggregate(where: {number: {_gt: 1}}) { aggregate { count sum { price } max { price } } nodes { number } }
  } }`;

  expect(textOf(await world.ask(query, { variables: { min: 20 } }))).toBe(
    '{"one":{"dear":[{"number":2},{"number":3}],"second":[{"number":2}],"orders":[{"number":3}],' +
      '"orders_aggregate":{"aggregate":{"count":2,"sum":{"price":50},"max":{"price":30}},"nodes":[{"number":2},{"number":3}]}}}',
  );
});

test("relationships of nested and recursive objects are answered at every depth", async () => {
  answers.tree = {
    cart: { ownerId: 1 },
    carts: [{ ownerId: 9007199254740992 }, null],
    below: [{ cart: null, below: [{ cart: { ownerId: 1, note: "deep" }, carts: null }] }],
  };

  const query =
    "{ tree { cart { owner { name } } carts { owner { id } } below { cart { note } below { cart { note owner { name } orders(limit: 1, order_by: {number: asc}) { number } } carts { note } } } } }";

  expect(await world.ask(query)).toEqual({
    data: {
      tree: {
        cart: { owner: { name: "ann" } },
        carts: [{ owner: null }, null],
        below: [
          {
            cart: null,
            below: [{ cart: { note: "deep", owner: { name: "ann" }, orders: [{ number: 1 }] }, carts: null }],
          },
        ],
      },
    },
  });
});

test("the target's permission applies: filter, columns, limit and aggregates", async () => {
  answers.many = [{ ownerId: 1 }, { ownerId: "9007199254740993" }];

  const reply = await world.ask(
    "{ many { owner { name } orders(order_by: {number: asc}) { number } orders_aggregate { aggregate { count } nodes { number } } } }",
    { role: "buyer" },
  );

  expect(reply).toEqual({
    data: {
      many: [
        {
          owner: { name: "ann" },
          orders: [{ number: 1 }, { number: 2 }],
          orders_aggregate: { aggregate: { count: 3 }, nodes: [{ number: 1 }, { number: 2 }] },
        },
        { owner: null, orders: [{ number: 1 }], orders_aggregate: { aggregate: { count: 1 }, nodes: [{ number: 1 }] } },
      ],
    },
  });
});

test.each([
  ["buyer", "owner { team }", "owner.selectionSet.team field 'team' not found in type: 'people'"],
  ["buyer", "orders { price }", "orders.selectionSet.price field 'price' not found in type: 'orders'"],
  [
    "buyer",
    "orders(where: {price: {_eq: 1}}) { number }",
    "orders.args.where.price field 'price' not found in type: 'orders_bool_exp'",
  ],
  [
    "buyer",
    "mates_aggregate { aggregate { count } }",
    "mates_aggregate field 'mates_aggregate' not found in type: 'Cart'",
  ],
  ["stranger", "owner { name }", "owner field 'owner' not found in type: 'Cart'"],
  ["admin", "owner", "owner.selectionSet missing selection set for 'people'"],
  ["admin", "note { x }", "note unexpected subselection set for non-object field"],
  ["admin", "owner(where: {}) { id }", "owner 'owner' has no argument named 'where'"],
])("%s may not ask for %s", async (role, selection, fault) => {
  expect(await world.ask(`{ one { ${selection} } }`, { role })).toEqual({
    error: `validation-failed $.selectionSet.one.selectionSet.${fault}`,
  });
});

test("a value that the column cannot take is the database's to refuse", async () => {
  answers.one = { team: "no uuid", active: true };

  expect(await world.ask("{ one { mates { id } } }")).toEqual({
    error: 'data-exception $ invalid input syntax for type uuid: "no uuid"',
  });
});

test("a role without the target sees only the fields of the object", async () => {
  answers.bare = { id: 1 };

  const reply = await world.ask(
    '{ bare { __typename id } __type(name: "Bare") { fields { name } } people: __type(name: "people") { name } }',
    {
      role: "stranger",
    },
  );

  expect(reply).toEqual({
    data: { bare: { __typename: "Bare", id: 1 }, __type: { fields: [{ name: "id" }] }, people: null },
  });
});
