import { type GraphQLNamedType, isInputObjectType, isObjectType } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRoleSchemas, type RoleSchema } from "../../src/schema/role-schema.ts";
import { buildFrom } from "../model/build.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let schema: RoleSchema;

beforeAll(async () => {
  database = await createTestDatabase(`
    create type mood as enum ('good', 'bad');
    comment on type mood is 'good: fine; bad: not';
    create table things (id int primary key, m mood, data jsonb, plain text);
    comment on table things is 'of the database';
    comment on column things.id is 'its number';
    comment on column things.m is 'of the database';
    comment on column things.data is 'what it knows';
  `);
  const configuration = { comment: "of the metadata", column_config: { m: { comment: "how it feels" } } };
  schema = createRoleSchemas(await buildFrom(database.pool, [{ table: "things", configuration }])).get("admin", false);
});
afterAll(() => database.drop());

function typeOf(name: string): GraphQLNamedType {
  const type = schema.graphql().getType(name);
  if (type === undefined) throw new Error(`there is no type ${name}`);
  return type;
}

function fieldsOf(name: string): Record<string, string | null | undefined> {
  const type = typeOf(name);
  if (!isObjectType(type) && !isInputObjectType(type)) throw new Error(`${name} has no fields`);
  return Object.fromEntries(Object.values(type.getFields()).map((field) => [field.name, field.description]));
}

test("metadata describes a table and its columns, and where it is silent the database does", () => {
  expect(typeOf("things").description).toBe("of the metadata");
  expect(fieldsOf("things")).toEqual({
    data: "what it knows",
    id: "its number",
    m: "how it feels",
    plain: undefined,
  });
});

test.each(["things_insert_input", "things_set_input", "things_stream_cursor_value_input"])(
  "a column is described in %s as in its table",
  (name) => expect(fieldsOf(name)).toEqual(fieldsOf("things")),
);

test("the key is described as its columns are", () => {
  expect(fieldsOf("things_pk_columns_input")).toEqual({ id: "its number" });
});

test("every update operator says what it does, and its type too", () => {
  const { where: _where, ...operators } = fieldsOf("things_updates");
  const kinds = Object.keys(operators).map((name) => typeOf(`things${name}_input`).description);

  expect(operators._set).toBe("sets the columns of the filtered rows to the given values");
  expect(kinds).toContain('input type for updating data in table "things"');
  expect([...Object.values(operators), ...kinds]).toHaveLength(14);
  for (const description of [...Object.values(operators), ...kinds]) expect(description).toMatch(/\w/);
});

test("the scalar of a native enum says what its comment does; PostgreSQL's own types are left alone", () => {
  expect(typeOf("mood").description).toBe("good: fine; bad: not");
  expect(typeOf("jsonb").description).toBeUndefined();
});
