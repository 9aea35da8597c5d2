import { buildSchema, type GraphQLSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Model } from "../../src/model/model.ts";
import { buildFrom } from "../model/build.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase("create table people (id uuid primary key, tags jsonb)");
});
afterAll(() => database.drop());

type Upstream = { readonly sdl: string; readonly roles?: Readonly<Record<string, string>> };

async function modelOf(upstreams: Readonly<Record<string, Upstream>>, root: object = {}): Promise<Model> {
  const remotes = new Map<string, { schema: GraphQLSchema }>(
    Object.entries(upstreams).map(([name, { sdl }]) => [name, { schema: buildSchema(sdl) }]),
  );
  const remote_schemas = Object.entries(upstreams).map(([name, { roles = {} }]) => ({
    name,
    definition: { url: "http://up" },
    permissions: Object.entries(roles).map(([role, schema]) => ({ role, definition: { schema } })),
  }));
  return buildFrom(database.pool, [{ table: "people" }], { remote_schemas, ...root }, { remotes });
}

const found = (model: Model): string[] => model.inconsistencies.map(({ type, reason }) => `${type} ${reason}`);
const clash = (name: string, ...owners: readonly string[]): string =>
  `Found conflicting definitions for GraphQL type '${name}', defined in [${owners.join(", ")}]. Types must not be defined more than once across all sources.`;

test.each([
  ["a table's type", "type people { a: Int }", "people", "table people"],
  ["a type that belongs to a table", "input people_bool_exp { a: Int }", "people_bool_exp", "table people"],
  ["a type of the engine", "enum order_by { UP }", "order_by", "the engine"],
  ["a comparison of a column's type", "input uuid_comparison_exp { a: Int }", "uuid_comparison_exp", "the engine"],
  ["a column's type", "enum jsonb { A }", "jsonb", "a column's type"],
  ["a custom type", "type Out { a: Int }", "Out", "custom types"],
])("a remote schema with %s is inconsistent", async (_name, type, name, owner) => {
  const field = type.startsWith("input") ? `look(a: ${name}): Int` : `look: ${name}`;
  const custom_types = { objects: [{ name: "Out", fields: [{ name: "b", type: "Int" }] }] };

  const model = await modelOf({ up: { sdl: `${type} type Query { ${field} }` } }, { custom_types });

  expect(found(model)).toEqual([`remote_schema ${clash(name, owner, "remote schema up")}`]);
  expect(model.remoteSchemas).toEqual([]);
});

test("scalars of one name, and types that nothing leads to, are no clash", async () => {
  const sdl = "scalar uuid scalar Custom type people { a: Int } type Query { look(id: uuid, c: Custom): uuid }";

  const model = await modelOf({ up: { sdl } }, { custom_types: { scalars: [{ name: "Custom" }] } });

  expect(found(model)).toEqual([]);
});

test("two remotes may share a type that is the same", async () => {
  const model = await modelOf({
    one: { sdl: "type User { id: Int } type Query { one: User }" },
    two: { sdl: "type User { id: Int } type Query { two: User }" },
    three: { sdl: "type User { id: String } type Query { three: User }" },
  });

  expect(found(model)).toEqual([`remote_schema ${clash("User", "remote schema one", "remote schema three")}`]);
  expect(model.remoteSchemas.map(({ name }) => name)).toEqual(["one", "two"]);
});

test("a role does not see more of a shared type through one remote than through the other", async () => {
  const sdl = (root: string, fields: string) => `type User { ${fields} } type Query { ${root}: User }`;

  const model = await modelOf({
    one: { sdl: sdl("one", "id: Int name: String"), roles: { user: sdl("one", "id: Int name: String") } },
    two: {
      sdl: sdl("two", "id: Int name: String"),
      roles: { user: sdl("two", "id: Int"), other: sdl("two", "id: Int") },
    },
  });

  expect(found(model)).toEqual([`remote_schema_permission ${clash("User", "remote schema one", "remote schema two")}`]);
  expect([...(model.remoteSchemas[1]?.roles.keys() ?? [])]).toEqual(["other"]);
});

test("role admin takes no permission of a remote schema", async () => {
  const model = await modelOf({ up: { sdl: "type Query { a: Int }", roles: { admin: "type Query { a: Int }" } } });

  expect(found(model)).toEqual(["remote_schema_permission cannot define permission for admin role"]);
});

test.each([
  ["objects", { objects: [{ name: "people_aggregate", fields: [{ name: "a", type: "Int" }] }] }, "people_aggregate"],
  [
    "input objects",
    { input_objects: [{ name: "people_bool_exp", fields: [{ name: "a", type: "Int" }] }] },
    "people_bool_exp",
  ],
  ["enums", { enums: [{ name: "uuid", values: [{ value: "A" }] }] }, "uuid"],
  ["scalars", { scalars: [{ name: "people" }] }, "people"],
])("custom %s do not take a table's type names", async (_name, custom_types, name) => {
  const model = await modelOf({}, { custom_types });

  expect(found(model)).toEqual([`custom_types the type name "${name}" is in use already`]);
});
