import { expect, test } from "vitest";
import { parseMetadata } from "../../src/metadata/parse-metadata.ts";
import { problemText } from "../../src/metadata/problem.ts";
import { action, metadataObject, permission } from "./fixtures.ts";

function refusals(object: unknown): string[] {
  const result = parseMetadata(object, {});
  return "problems" in result ? result.problems.map(problemText) : [];
}

function accepted(object: unknown) {
  const result = parseMetadata(object, { PG_DATABASE_URL: "postgres://somewhere" });
  if ("problems" in result) throw new Error(result.problems.map(problemText).join("\n"));
  return result.metadata;
}

test.each([
  ["of the root", metadataObject({ root: { remote_schema: [] } }), "/remote_schema"],
  ["of a source", metadataObject({ source: { table: [] } }), "/sources/0/table"],
  ["of a table", metadataObject({ table: { select_permission: [] } }), "/sources/0/tables/0/select_permission"],
  [
    "of a permission entry",
    metadataObject({ table: { delete_permissions: [{ role: "user", permission: { filter: {} }, filter: {} }] } }),
    "/sources/0/tables/0/delete_permissions/0/filter",
  ],
  [
    "of a relationship",
    metadataObject({
      table: { object_relationships: [{ name: "o", using: { foreign_key_constraint_on: "o_id" }, note: "x" }] },
    }),
    "/sources/0/tables/0/object_relationships/0/note",
  ],
  [
    "inside a manual relationship",
    metadataObject({
      table: {
        array_relationships: [
          { name: "o", using: { manual_configuration: { remote_table: "o", column_mapping: { a: "b" }, order: 1 } } },
        ],
      },
    }),
    "/sources/0/tables/0/array_relationships/0/using/manual_configuration/order",
  ],
  ["of an action", metadataObject({ root: { actions: [action({ timeouts: 3 })] } }), "/actions/0/definition/timeouts"],
])("an unknown key %s is refused at its place", (_name, object, place) => {
  const found = refusals(object);

  expect(found).toEqual([
    `${place}: the unknown key "${place.split("/").at(-1)}" is not supported by the embedded engine`,
  ]);
});

test("a permission of role admin is refused", () => {
  const found = refusals(
    metadataObject({ table: { select_permissions: [{ role: "admin", permission: { columns: "*", filter: {} } }] } }),
  );

  expect(found).toEqual([
    "/sources/0/tables/0/select_permissions/0/role: a permission of role admin, which may do everything, is not supported by the embedded engine",
  ]);
});

test("a second permission of a role is refused", () => {
  const twice = [...permission({ filter: {} }), ...permission({ filter: {} })];

  const found = refusals(metadataObject({ table: { delete_permissions: twice } }));

  expect(found).toEqual([
    '/sources/0/tables/0/delete_permissions/1: the delete_permissions for role "user" is declared more than once',
  ]);
});

test("a second permission of a role for an action or remote schema is refused", () => {
  const user = { role: "user" };
  const sees = { ...user, definition: { schema: "type Query { a: Int }" } };
  const action = { name: "a", definition: { handler: "http://x", output_type: "Int" }, permissions: [user, user] };
  const remote = { name: "r", definition: { url: "http://x" }, permissions: [sees, { ...sees, role: "other" }, sees] };

  const result = parseMetadata(metadataObject({ root: { actions: [action], remote_schemas: [remote] } }), {});

  expect("problems" in result && result.problems.map(problemText)).toEqual([
    '/actions/0/permissions/1: the permission for role "user" is declared more than once',
    '/remote_schemas/0/permissions/2: the permission for role "user" is declared more than once',
  ]);
});

test("a table is named by an object or by a plain string", () => {
  const metadata = accepted(
    metadataObject({ source: { tables: [{ table: "plain" }, { table: { name: "other", schema: "custom" } }] } }),
  );

  expect(metadata.source.tables.map(({ table }) => table)).toEqual([
    { schema: "public", name: "plain" },
    { schema: "custom", name: "other" },
  ]);
});

test("null stands for absent", () => {
  const metadata = accepted(
    metadataObject({
      table: {
        object_relationships: null,
        select_permissions: permission({ columns: "*", filter: {}, query_root_fields: null, limit: null }),
      },
      root: { actions: [action({ arguments: null })], cron_triggers: null },
    }),
  );

  expect(metadata.actions[0]?.definition.arguments).toEqual([]);
  expect(metadata.source.tables[0]?.select_permissions[0]?.permission.query_root_fields).toBeUndefined();
});

test("an empty list of root fields is kept apart from an absent one", () => {
  const metadata = accepted(
    metadataObject({ table: { select_permissions: permission({ columns: "*", filter: {}, query_root_fields: [] }) } }),
  );

  expect(metadata.source.tables[0]?.select_permissions[0]?.permission.query_root_fields).toEqual([]);
});

test("the database url comes from the variable metadata names", () => {
  const metadata = accepted(metadataObject());

  expect(metadata.databaseUrl).toBe("postgres://somewhere");
});

test("an action without a type is a mutation", () => {
  const metadata = accepted(metadataObject({ root: { actions: [action({})] } }));

  expect(metadata.actions[0]?.definition.type).toBe("mutation");
});
