import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestDatabase } from "../test-database.ts";
import { buildFrom, reasons, tableOf } from "./build.ts";
import { createCrmDatabase } from "./crm.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createCrmDatabase();
});
afterAll(() => database.drop());

test.each([
  ["a missing table", [{ table: "nobody" }], 'table not-exists: no such table/view exists in source: "nobody"'],
  [
    "an enum without rows",
    [{ table: "empty_enum", is_enum: true }],
    'table constraint-violation: the table "empty_enum" cannot be used as an enum because the table must have at least one row',
  ],
  [
    "an enum with three columns",
    [{ table: "wide_enum", is_enum: true }],
    'table constraint-violation: the table "wide_enum" cannot be used as an enum because the table must have exactly one primary key and optionally one comment column, but it has additional columns',
  ],
  [
    "an enum with a value that is no name",
    [{ table: "bad_enum", is_enum: true }],
    'table constraint-violation: the table "bad_enum" cannot be used as an enum because the value "not a name" is not a valid GraphQL enum value name',
  ],
  [
    "two tables of one name",
    [{ table: "authors" }, { table: "articles", configuration: { custom_name: "authors" } }],
    'table already-exists: a table with the GraphQL name "authors" exists already',
  ],
  [
    "a root field of another table",
    [{ table: "authors" }, { table: "articles", configuration: { custom_root_fields: { select: "authors" } } }],
    "table unexpected: Encountered conflicting definitions in the selection set for 'query_root' for field 'authors' defined in [table authors in source default, table articles in source default]. Fields must not be defined more than once across all sources.",
  ],
  [
    "a relationship without foreign key",
    [
      { table: "authors" },
      { table: "articles", object_relationships: [{ name: "a", using: { foreign_key_constraint_on: "title" } }] },
    ],
    'object_relation constraint-error: in table "articles": in relationship "a": no foreign constraint exists on the given column(s)',
  ],
  [
    "a relationship to an untracked table",
    [{ table: "articles", object_relationships: [{ name: "a", using: { foreign_key_constraint_on: "author_id" } }] }],
    'object_relation not-exists: in table "articles": in relationship "a": table "authors" is not tracked',
  ],
  [
    "a relationship over a missing column",
    [{ table: "articles", object_relationships: [{ name: "a", using: { foreign_key_constraint_on: "writer_id" } }] }],
    'object_relation not-exists: in table "articles": in relationship "a": column "writer_id" does not exist in table "articles"',
  ],
  [
    "a relationship named as a column",
    [
      { table: "authors" },
      {
        table: "articles",
        object_relationships: [{ name: "title", using: { foreign_key_constraint_on: "author_id" } }],
      },
    ],
    'object_relation already-exists: in table "articles": in relationship "title": field with name "title" already exists in table "articles"',
  ],
  [
    "a permission for a missing column",
    [{ table: "authors", select_permissions: [{ role: "user", permission: { columns: ["age"], filter: {} } }] }],
    'select_permission not-exists: in table "authors": in permission for role "user": "age" does not exist',
  ],
  [
    "a filter over a missing column",
    [{ table: "authors", delete_permissions: [{ role: "user", permission: { filter: { age: 1 } } }] }],
    'delete_permission not-exists: in table "authors": in permission for role "user": "age" does not exist in table "authors"',
  ],
  [
    "select_by_pk without the key",
    [
      {
        table: "notes",
        select_permissions: [
          { role: "user", permission: { columns: ["a"], filter: {}, query_root_fields: ["select_by_pk"] } },
        ],
      },
    ],
    'select_permission validation-failed: in table "notes": in permission for role "user": The "select_by_pk" field cannot be included in the query_root_fields or subscription_root_fields because the role "user" does not have access to the primary key of the table "notes" in the source default',
  ],
  [
    "select_aggregate without aggregates",
    [
      {
        table: "notes",
        select_permissions: [
          { role: "user", permission: { columns: "*", filter: {}, subscription_root_fields: ["select_aggregate"] } },
        ],
      },
    ],
    'select_permission validation-failed: in table "notes": in permission for role "user": The "select_aggregate" root field can only be enabled in the query_root_fields or the subscription_root_fields when "allow_aggregations" is set to true',
  ],
  [
    "an insert permission of a view that cannot be written",
    [{ table: "totals", insert_permissions: [{ role: "user", permission: { check: {} } }] }],
    'insert_permission not-supported: in table "totals": in permission for role "user": "totals" is not insertable',
  ],
  [
    "an event trigger without payload columns",
    [
      {
        table: "authors",
        event_triggers: [
          {
            name: "t",
            definition: { insert: { columns: "*", payload: [] } },
            retry_conf: { num_retries: 0, interval_sec: 10 },
            webhook: "http://x",
          },
        ],
      },
    ],
    'event_trigger parse-failed: in table "authors": in event trigger "t": found empty payload specification',
  ],
  [
    "an event trigger whose variable is unset",
    [
      {
        table: "authors",
        event_triggers: [
          {
            name: "t",
            definition: { insert: { columns: "*" } },
            retry_conf: { num_retries: 0, interval_sec: 10 },
            webhook_from_env: "NOWHERE",
          },
        ],
      },
    ],
    'event_trigger not-found: in table "authors": in event trigger "t": environment variable \'NOWHERE\' not set',
  ],
])("%s is inconsistent", async (_name, tables, expected) => {
  const model = await buildFrom(database.pool, tables);

  expect(reasons(model)).toEqual([expected]);
});

test("an inconsistency is reported in Hasura's form, and the rest is served", async () => {
  const model = await buildFrom(database.pool, [{ table: "authors" }, { table: "nobody" }]);

  expect(model.inconsistencies).toEqual([
    {
      type: "table",
      name: "table nobody in source default",
      reason: 'no such table/view exists in source: "nobody"',
      definition: { schema: "public", name: "nobody" },
      code: "not-exists",
    },
  ]);
  expect([...model.tables.keys()]).toEqual(["public.authors"]);
});

test("what hangs on an inconsistent relationship falls with it", async () => {
  const model = await buildFrom(database.pool, [
    {
      table: "articles",
      object_relationships: [{ name: "author", using: { foreign_key_constraint_on: "author_id" } }],
      select_permissions: [
        { role: "user", permission: { columns: "*", filter: { author: { id: "X-Hasura-User-Id" } } } },
      ],
    },
  ]);

  expect(reasons(model)).toEqual([
    'object_relation not-exists: in table "articles": in relationship "author": table "authors" is not tracked',
    'select_permission not-exists: in table "articles": in permission for role "user": "author" does not exist in table "articles"',
  ]);
  expect(tableOf(model, "public.articles").permissions.get("user")?.select).toBeUndefined();
});
