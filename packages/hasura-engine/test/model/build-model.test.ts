import { afterAll, beforeAll, expect, test } from "vitest";
import type { Model, Table } from "../../src/model/model.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { buildFrom, reasons, upstream } from "./build.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(`
    create schema crm;
    create table authors (id int primary key, name text not null, "odd name" text);
    create table author_details (id int primary key references authors, phone text);
    create table articles (id int primary key, author_id int not null references authors, editor_id int references authors, title text);
    create table crm.people (id int primary key);
    create table notes (a int, b int, primary key (a, b));
    create table note_lines (id int primary key, note_b int, note_a int, foreign key (note_a, note_b) references notes (a, b));
    create table keyless (value text);
    create table colors (value text primary key, comment text);
    insert into colors values ('red', 'warm'), ('blue', null);
    create table paints (id int primary key, color text references colors);
    create table empty_enum (value text primary key);
    create table wide_enum (value text primary key, a text, b text);
    create table bad_enum (value text primary key);
    insert into bad_enum values ('not a name');
    create view totals as select author_id, count(*) as n from articles group by author_id;
  `);
});
afterAll(() => database.drop());

function table(model: Model, key: string): Table {
  const found = model.tables.get(key);
  if (found === undefined) throw new Error(`${key} is missing: ${reasons(model).join("; ")}`);
  return found;
}

function relationship(model: Model, key: string, name: string) {
  const found = table(model, key).relationships.get(name);
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

  expect(table(model, "public.authors").rootFields).toMatchObject({
    select: { name: "authors" },
    update_many: { name: "update_authors_many" },
  });
  expect(table(model, "crm.people").rootFields.insert_one.name).toBe("insert_crm_people_one");
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

  const { rootFields, columns, graphqlName, comment } = table(model, "public.authors");
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

  expect([...(table(model, "public.colors").enumValues ?? [])]).toEqual([
    ["blue", undefined],
    ["red", "warm"],
  ]);
  expect(table(model, "public.paints").columns.get("color")?.enumTable).toBe("public.colors");
});

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
  expect(table(model, "public.articles").permissions.get("user")?.select).toBeUndefined();
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

  const permissions = table(model, "public.articles").permissions.get("user");
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

test.each([
  [
    "an unset variable",
    { handler: "{{NOWHERE}}/x" },
    {},
    "action unexpected: Value for environment variables not found: NOWHERE",
  ],
  [
    "a variable of Hasura's own",
    { handler: "{{HASURA_GRAPHQL_ADMIN_SECRET}}/x" },
    {},
    'action not-supported: environment variables starting with "HASURA_GRAPHQL_" are not allowed: HASURA_GRAPHQL_ADMIN_SECRET',
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
  expect(table(model, "public.authors").remoteRelationships.get("rel")).toMatchObject({
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
    { remotes: new Map([["up", { fault: "the remote schema cannot be reached" }]]) },
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

test("an event delivers every column by default, also one without a GraphQL name", async () => {
  const definition = { insert: { columns: "*" }, update: { columns: ["name"], payload: ["id", "odd name"] } };
  const event = { name: "t", definition, retry_conf: { num_retries: 1, interval_sec: 2 }, webhook: "{{HOOK}}/e" };

  const model = await buildFrom(
    database.pool,
    [{ table: "authors", event_triggers: [event] }],
    {},
    { env: { HOOK: "http://localhost" } },
  );

  const names = (columns: readonly { readonly name: string }[] | undefined) => columns?.map(({ name }) => name);
  const [trigger] = model.eventTriggers;
  expect(trigger).toMatchObject({
    url: "http://localhost/e",
    delete: undefined,
    retry: { numRetries: 1, intervalSeconds: 2, timeoutSeconds: 60 },
  });
  expect(names(trigger?.insert?.payload)).toEqual(["id", "name", "odd name"]);
  expect([names(trigger?.update?.columns), names(trigger?.update?.payload)]).toEqual([["name"], ["id", "odd name"]]);
});

test("crons have Hasura's defaults, and a schedule of six fields is inconsistent", async () => {
  const cron = { webhook: "http://x", include_in_metadata: true };

  const model = await buildFrom(database.pool, [], {
    cron_triggers: [
      { ...cron, name: "good", schedule: "*/5 * * * *" },
      { ...cron, name: "bad", schedule: "* * * * * *" },
    ],
  });

  expect(model.cronTriggers).toMatchObject([
    {
      name: "good",
      payload: null,
      retry: { numRetries: 0, intervalSeconds: 10, timeoutSeconds: 60, toleranceSeconds: 21_600 },
    },
  ]);
  expect(reasons(model)).toEqual(['cron_trigger parse-failed: "* * * * * *" is not a cron schedule of five fields']);
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
