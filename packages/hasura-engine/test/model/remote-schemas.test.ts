import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestDatabase } from "../test-database.ts";
import { buildFrom, reasons, tableOf, upstream } from "./build.ts";
import { createCrmDatabase } from "./crm.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createCrmDatabase();
});
afterAll(() => database.drop());

const remoteSdl =
  "type Query { user(id: Int!, note: String): User logs(id: ID!): String } type User { name: String friends(first: Int!, filter: Filter): String } input Filter { text: String }";
const remoteSchema = {
  remote_schemas: [
    {
      name: "up",
      definition: { url: "http://up" },
      permissions: [{ role: "user", definition: { schema: "type Query { logs(id: ID!): String }" } }],
    },
  ],
};
const toRemote = (lhs_fields: readonly string[], remote_field: unknown) => [
  { name: "rel", definition: { to_remote_schema: { remote_schema: "up", lhs_fields, remote_field } } },
];
const remotes = new Map([["up", upstream(remoteSdl)]]);

test("a remote relationship keeps its path, joined and constant arguments", async () => {
  const remote_field = {
    user: { arguments: { id: "$id" }, field: { friends: { arguments: { first: 3, filter: { text: "$name" } } } } },
  };

  const model = await buildFrom(
    database.pool,
    [{ table: "authors", remote_relationships: toRemote(["id", "name"], remote_field) }],
    remoteSchema,
    { remotes },
  );

  expect(reasons(model)).toEqual([]);
  expect(tableOf(model, "public.authors").remoteRelationships.get("rel")).toMatchObject({
    remoteSchema: "up",
    lhsColumns: [{ name: "id" }, { name: "name" }],
    path: [
      {
        field: "user",
        arguments: new Map([["id", { kind: "column", column: expect.objectContaining({ name: "id" }) }]]),
      },
      {
        field: "friends",
        arguments: new Map<string, unknown>([
          ["first", { kind: "constant", value: 3 }],
          [
            "filter",
            {
              kind: "object",
              fields: new Map([["text", { kind: "column", column: expect.objectContaining({ name: "name" }) }]]),
            },
          ],
        ]),
      },
    ],
  });
});

test.each([
  ["an unknown field", ["id"], { nobody: { arguments: {} } }, 'field with name "nobody" not found in remote schema'],
  [
    "an unknown argument",
    ["id"],
    { user: { arguments: { no: "$id" } } },
    'argument with name "no" not found in remote schema',
  ],
  [
    "a variable outside lhs_fields",
    ["id"],
    { user: { arguments: { id: "$name" } } },
    'variable "name" is not found in lhs_fields',
  ],
  [
    "a column of another type",
    ["name"],
    { user: { arguments: { id: "$name" } } },
    'expected type of column "name" to be Int but it is String',
  ],
  [
    "an unknown input field",
    ["id"],
    { user: { arguments: { id: 1 }, field: { friends: { arguments: { first: 1, filter: { no: "$id" } } } } } },
    'field with name "no" not found in the input object "Filter"',
  ],
])("a remote relationship with %s is inconsistent", async (_name, lhs, remote_field, expected) => {
  const model = await buildFrom(
    database.pool,
    [{ table: "authors", remote_relationships: toRemote(lhs, remote_field) }],
    remoteSchema,
    { remotes },
  );

  expect(reasons(model)).toEqual([
    `remote_relationship remote-schema-error: in table "authors": in remote relationship "rel": ${expected}`,
  ]);
});

test("an unreachable remote schema takes its relationships along", async () => {
  const model = await buildFrom(
    database.pool,
    [{ table: "authors", remote_relationships: toRemote(["id"], { logs: { arguments: { id: "$id" } } }) }],
    remoteSchema,
    { remotes: new Map([["up", { unreachable: "the remote schema cannot be reached" }]]) },
  );

  expect(reasons(model)).toEqual([
    "remote_schema remote-schema-error: the remote schema cannot be reached",
    'remote_relationship not-exists: in table "authors": in remote relationship "rel": remote schema with name "up" does not exist',
  ]);
});

test("a remote schema that clashes with a table gives way", async () => {
  const model = await buildFrom(database.pool, [{ table: "authors" }], remoteSchema, {
    remotes: new Map([["up", upstream("type Query { authors: Int }")]]),
  });

  expect(reasons(model)[0]).toMatch(
    /^remote_schema unexpected: Encountered conflicting definitions .* for field 'authors'/,
  );
});

test("a role's SDL that is no part of the upstream is inconsistent", async () => {
  const permissions = [{ role: "user", definition: { schema: "type Query { logs(id: ID!): String } scalar Time" } }];

  const model = await buildFrom(
    database.pool,
    [],
    { remote_schemas: [{ name: "up", definition: { url: "http://up" }, permissions }] },
    { remotes },
  );

  expect(reasons(model)).toEqual([
    'remote_schema_permission validation-failed: validation for the given role-based schema failed because "Scalar": "Time" does not exist in the upstream remote schema',
  ]);
});

test("roles are collected from all permissions", async () => {
  const model = await buildFrom(
    database.pool,
    [{ table: "authors", select_permissions: [{ role: "reader", permission: { columns: "*", filter: {} } }] }],
    {
      ...remoteSchema,
      actions: [
        { name: "a", definition: { handler: "http://x", output_type: "Int" }, permissions: [{ role: "caller" }] },
      ],
    },
    { remotes },
  );

  expect(model.roles).toEqual(new Set(["reader", "caller", "user"]));
});
