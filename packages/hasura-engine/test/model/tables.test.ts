import { afterAll, beforeAll, expect, test } from "vitest";
import type { Model } from "../../src/model/model.ts";
import type { TestDatabase } from "../test-database.ts";
import { buildFrom, reasons, tableOf } from "./build.ts";
import { createCrmDatabase } from "./crm.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createCrmDatabase();
});
afterAll(() => database.drop());

function relationship(model: Model, key: string, name: string) {
  const found = tableOf(model, key).relationships.get(name);
  if (found === undefined) throw new Error(`${name} is missing: ${reasons(model).join("; ")}`);
  const { kind, target, required, insertion, columns } = found;
  return {
    kind,
    target,
    required,
    insertion,
    columns: columns.map(({ own, target: other }) => `${own.name}=${other.name}`),
  };
}

test("names default to the table's, with the schema outside public", async () => {
  const model = await buildFrom(database.pool, [{ table: "authors" }, { table: { schema: "crm", name: "people" } }]);

  expect(tableOf(model, "public.authors").rootFields).toMatchObject({
    select: { name: "authors" },
    update_many: { name: "update_authors_many" },
  });
  expect(tableOf(model, "crm.people").rootFields.insert_one.name).toBe("insert_crm_people_one");
});

test("custom names rename the base, root fields and columns", async () => {
  const configuration = {
    custom_name: "Writer",
    custom_root_fields: {
      select: "Writers",
      insert: { name: "AddWriters", comment: "Adds" },
      delete: { comment: "Removes" },
    },
    custom_column_names: { id: "writerId" },
    column_config: { name: { custom_name: "fullName", comment: "first and last" } },
    comment: "who write",
  };

  const model = await buildFrom(database.pool, [{ table: "authors", configuration }]);

  const { rootFields, columns, graphqlName, comment } = tableOf(model, "public.authors");
  expect({ graphqlName, comment }).toEqual({ graphqlName: "Writer", comment: "who write" });
  expect(rootFields).toMatchObject({
    select: { name: "Writers" },
    select_by_pk: { name: "Writer_by_pk" },
    insert: { name: "AddWriters", comment: "Adds" },
    delete: { name: "delete_Writer", comment: "Removes" },
  });
  expect([...columns.values()].map(({ graphqlName: name, comment: text }) => [name, text])).toEqual([
    ["writerId", undefined],
    ["fullName", "first and last"],
  ]);
});

test.each([
  [
    "a column",
    "articles",
    "object",
    { foreign_key_constraint_on: "author_id" },
    { target: "public.authors", required: true, insertion: "before-parent", columns: ["author_id=id"] },
  ],
  ["a nullable column", "articles", "object", { foreign_key_constraint_on: ["editor_id"] }, { required: false }],
  [
    "columns in any order",
    "note_lines",
    "object",
    { foreign_key_constraint_on: ["note_b", "note_a"] },
    { target: "public.notes", columns: ["note_a=a", "note_b=b"] },
  ],
  [
    "the other side",
    "authors",
    "array",
    { foreign_key_constraint_on: { table: "articles", column: "author_id" } },
    { target: "public.articles", insertion: "after-parent", columns: ["id=author_id"] },
  ],
  [
    "columns of the other side",
    "notes",
    "array",
    { foreign_key_constraint_on: { table: "note_lines", columns: ["note_a", "note_b"] } },
    { columns: ["a=note_a", "b=note_b"] },
  ],
  [
    "the other side, one to one",
    "authors",
    "object",
    { foreign_key_constraint_on: { table: "author_details", column: "id" } },
    { kind: "object", required: false, insertion: "after-parent", columns: ["id=id"] },
  ],
  [
    "a mapping",
    "authors",
    "object",
    { manual_configuration: { remote_table: "author_details", column_mapping: { id: "id" } } },
    { required: false, insertion: "before-parent" },
  ],
  [
    "a mapping inserted after the parent",
    "authors",
    "object",
    {
      manual_configuration: {
        remote_table: "author_details",
        column_mapping: { id: "id" },
        insertion_order: "after_parent",
      },
    },
    { insertion: "after-parent" },
  ],
  [
    "an array mapping",
    "authors",
    "array",
    { manual_configuration: { remote_table: "articles", column_mapping: { id: "author_id" }, insertion_order: null } },
    { kind: "array", insertion: "after-parent" },
  ],
])("a relationship over %s", async (_name, on, kind, using, expected) => {
  const others = ["authors", "articles", "author_details", "notes", "note_lines"]
    .filter((name) => name !== on)
    .map((name) => ({ table: name }));

  const model = await buildFrom(database.pool, [
    { table: on, [`${kind}_relationships`]: [{ name: "rel", using }] },
    ...others,
  ]);

  expect(relationship(model, `public.${on}`, "rel")).toMatchObject(expected);
});

test("an enum table gives its values, and columns that refer to it know it", async () => {
  const model = await buildFrom(database.pool, [{ table: "colors", is_enum: true }, { table: "paints" }]);

  expect([...(tableOf(model, "public.colors").enumValues ?? [])]).toEqual([
    ["blue", undefined],
    ["red", "warm"],
  ]);
  expect(tableOf(model, "public.paints").columns.get("color")?.enumTable).toBe("public.colors");
});

test("permissions carry columns, presets and switches", async () => {
  const model = await buildFrom(database.pool, [
    {
      table: "articles",
      select_permissions: [
        {
          role: "user",
          permission: {
            columns: ["id"],
            filter: {},
            limit: 5,
            query_root_fields: [],
            subscription_root_fields: ["select_stream"],
          },
        },
      ],
      insert_permissions: [
        { role: "user", permission: { check: {}, set: { author_id: "X-Hasura-User-Id", title: "none" } } },
      ],
      update_permissions: [{ role: "user", permission: { columns: [], filter: {}, backend_only: true } }],
    },
  ]);

  const permissions = tableOf(model, "public.articles").permissions.get("user");
  expect(permissions?.select).toMatchObject({
    columns: new Set(["id"]),
    limit: 5,
    allowAggregations: false,
    queryRootFields: new Set(),
    subscriptionRootFields: new Set(["select_stream"]),
  });
  expect(permissions?.insert).toMatchObject({
    columns: new Set(["id", "editor_id"]),
    presets: [
      { column: { name: "author_id" }, value: { kind: "session", variable: "x-hasura-user-id" } },
      { column: { name: "title" }, value: { kind: "literal", value: "none" } },
    ],
    backendOnly: false,
  });
  expect(permissions?.update).toMatchObject({ columns: new Set(), check: undefined, backendOnly: true });
  expect(permissions?.delete).toBeUndefined();
});
