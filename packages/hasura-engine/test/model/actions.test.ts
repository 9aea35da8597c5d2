import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestDatabase } from "../test-database.ts";
import { buildFrom, reasons } from "./build.ts";
import { createCrmDatabase } from "./crm.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createCrmDatabase();
});
afterAll(() => database.drop());

const outObject = (relationship: object) => ({
  objects: [
    {
      name: "Out",
      fields: [
        { name: "id", type: "Int!" },
        { name: "ids", type: "[Int]" },
      ],
      relationships: [
        { name: "author", type: "object", remote_table: "authors", field_mapping: { id: "id" }, ...relationship },
      ],
    },
  ],
});

test("actions resolve their types, url and headers", async () => {
  const definition = {
    kind: "synchronous",
    type: "query",
    arguments: [{ name: "day", type: "timestamptz!" }],
    output_type: "[Out!]",
    handler: "{{HANDLER}}/look",
    headers: [
      { name: "x-secret", value_from_env: "SECRET" },
      { name: "x-plain", value: "a {{SECRET}}" },
    ],
  };

  const model = await buildFrom(
    database.pool,
    [{ table: "authors" }],
    { actions: [{ name: "look", definition, permissions: [{ role: "user" }] }], custom_types: outObject({}) },
    { env: { HANDLER: "http://localhost:1", SECRET: "s" } },
  );

  expect(reasons(model)).toEqual([]);
  expect(model.actions).toMatchObject([
    {
      name: "look",
      writtenUrl: "{{HANDLER}}/look",
      operation: "query",
      url: "http://localhost:1/look",
      timeoutSeconds: 30,
      roles: new Set(["user"]),
      headers: [
        { name: "x-secret", value: "s" },
        { name: "x-plain", value: "a s" },
      ],
    },
  ]);
  expect(model.customTypes.pgScalars).toEqual(new Set(["timestamptz"]));
  expect(model.customTypes.objects.get("Out")?.relationships).toMatchObject([
    { name: "author", kind: "object", target: "public.authors", mapping: [{ field: "id", column: { name: "id" } }] },
  ]);
});

test("an action's address and its templates of headers may name variables of Hasura's own", async () => {
  const definition = {
    output_type: "String",
    handler: "http://{{ HASURA_GRAPHQL_HOOKS }}/look",
    headers: [{ name: "x-from", value: "{{HASURA_GRAPHQL_HOOKS}}" }],
  };

  const model = await buildFrom(
    database.pool,
    [],
    { actions: [{ name: "look", definition }] },
    { env: { HASURA_GRAPHQL_HOOKS: "hooks" } },
  );

  expect(reasons(model)).toEqual([]);
  expect(model.actions).toMatchObject([{ url: "http://hooks/look", headers: [{ name: "x-from", value: "hooks" }] }]);
});

test("an address that is none is told as metadata writes it, without what the environment holds", async () => {
  const definition = { output_type: "String", handler: "{{ADDRESS}}/look" };

  const model = await buildFrom(
    database.pool,
    [],
    { actions: [{ name: "look", definition }] },
    { env: { ADDRESS: "a-secret" } },
  );

  expect(reasons(model)).toEqual(['action unexpected: "{{ADDRESS}}/look" is not an http url']);
});

test.each([
  [
    "an unset variable",
    { handler: "{{NOWHERE}}/x" },
    {},
    "action unexpected: Value for environment variables not found: NOWHERE",
  ],
  [
    "a header from a variable of Hasura's own",
    { headers: [{ name: "x-secret", value_from_env: "HASURA_GRAPHQL_ADMIN_SECRET" }] },
    {},
    'action parse-failed: env variables starting with "HASURA_GRAPHQL_" are not allowed in value_from_env: HASURA_GRAPHQL_ADMIN_SECRET',
  ],
  [
    "an unknown type",
    { output_type: "Nothing" },
    {},
    'action not-exists: the type "Nothing" of the action\'s output is not defined in custom types',
  ],
  [
    "an object as argument",
    { arguments: [{ name: "a", type: "Out" }] },
    outObject({}),
    'action constraint-violation: the type "Out" of argument "a" is not an input type',
  ],
  [
    "a name of a table's mutation",
    { output_type: "String" },
    {},
    "action unexpected: Encountered conflicting definitions in the selection set for 'mutation_root' for field 'insert_authors' defined in [table authors in source default, action insert_authors]. Fields must not be defined more than once across all sources.",
    "insert_authors",
  ],
])("an action with %s is inconsistent", async (_name, definition, custom_types, expected, name = "look") => {
  const action = { name, definition: { handler: "http://localhost", output_type: "String", ...definition } };

  const model = await buildFrom(database.pool, [{ table: "authors" }], { actions: [action], custom_types });

  expect(reasons(model)).toEqual([expected]);
});

test.each([
  [
    "to an untracked table",
    { remote_table: "articles" },
    'not-exists: the remote table "articles" for relationship "author" of object "Out" does not exist',
  ],
  [
    "over a missing field",
    { field_mapping: { no: "id" } },
    'not-exists: field "no" of relationship "author" of object "Out" does not exist',
  ],
  [
    "over a list",
    { field_mapping: { ids: "id" } },
    'constraint-violation: field "ids" of relationship "author" of object "Out" is a list',
  ],
  [
    "over a missing column",
    { field_mapping: { id: "no" } },
    'not-exists: column "no" does not exist in table "authors"',
  ],
])("a custom type's relationship %s makes the custom types inconsistent", async (_name, relationship, expected) => {
  const model = await buildFrom(database.pool, [{ table: "authors" }], { custom_types: outObject(relationship) });

  expect(reasons(model)).toEqual([`custom_types ${expected}`]);
});
