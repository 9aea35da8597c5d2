import { buildSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../../../src/engine.ts";
import { settingsFromEnv } from "../../../src/settings.ts";
import { metadataOf } from "../../events/world.ts";
import { createTestDatabase, type TestDatabase } from "../../test-database.ts";

// Documents that are no subscription, told when they are planned.

let database: TestDatabase;
let engine: Engine;

const byForeignKey = { foreign_key_constraint_on: { table: "things", column: "parent" } };
const remote = { remote_schema: "up", lhs_fields: ["id"], remote_field: { text: { arguments: { id: "$id" } } } };

beforeAll(async () => {
  database = await createTestDatabase("create table things (id int primary key, parent int references things)");
  const things = {
    table: "things",
    array_relationships: [{ name: "parts", using: byForeignKey }],
    remote_relationships: [{ name: "text", definition: { to_remote_schema: remote } }],
  };
  engine = await createEngine({
    metadata: metadataOf([things], { remote_schemas: [{ name: "up", definition: { url: "http://up.example" } }] }),
    databaseUrl: database.url,
    settings: settingsFromEnv({ HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true" }),
    introspect: async () => buildSchema("type Query { text(id: Int!): String }"),
    events: false,
  });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

function plan(query: string) {
  const [request] = engine.parseRequestBody(JSON.stringify({ query })).requests;
  if (request === undefined) throw new Error("no request was read");
  return engine.plan(request, {
    role: "admin",
    variables: new Map(),
    backendOnly: false,
    admin: true,
    expiresAt: undefined,
  });
}

const nested = (levels: number): string => (levels === 0 ? "text" : `parts { ${nested(levels - 1)} }`);
const noRemotes = { code: "not-supported", message: "Remote relationships are not allowed in subscriptions" };

test.each([
  ["a remote relationship", "subscription { things { text } }", noRemotes],
  ["a remote relationship of a row by its key", "subscription { things_by_pk(id: 1) { text } }", noRemotes],
  ["a remote relationship of an aggregate's nodes", "subscription { things_aggregate { nodes { text } } }", noRemotes],
  ["a remote relationship 50 levels deep", `subscription { things { ${nested(50)} } }`, noRemotes],
  [
    "a remote relationship in a stream",
    `subscription { things_stream(batch_size: 1, cursor: {initial_value: {id: 0}}) { ${nested(20)} } }`,
    noRemotes,
  ],
  [
    "two streams",
    `subscription @_multiple_top_level_fields {
       a: things_stream(batch_size: 1, cursor: {initial_value: {id: 0}}) { id }
       b: things_stream(batch_size: 1, cursor: {initial_value: {id: 0}}) { id } }`,
    { code: "not-supported", message: "exactly one root field is allowed for streaming subscriptions" },
  ],
  [
    "two root fields",
    "subscription { a: things { id } b: things { id } }",
    { code: "validation-failed", message: "subscriptions must select one top level field" },
  ],
  [
    "a root field of a remote schema",
    "subscription { text(id: 1) }",
    { code: "validation-failed", message: "field 'text' not found in type: 'subscription_root'" },
  ],
])("%s is refused", (_what, query, expected) => {
  expect(() => plan(query)).toThrow(expect.objectContaining(expected));
});

test("without the remote relationship the same depth is planned", () => {
  const { operation } = plan(`subscription { things { ${nested(50).replace("text", "id")} } }`);

  expect(operation.rootFields.map(({ kind }) => kind)).toEqual(["table-query"]);
});
