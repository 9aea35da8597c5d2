import { expect, test } from "vitest";
import { findUnsupportedColumns, findUnsupportedSettings } from "../../src/metadata/find-unsupported.ts";
import type { Metadata } from "../../src/metadata/metadata.ts";
import { parseMetadata } from "../../src/metadata/parse-metadata.ts";
import { problemText } from "../../src/metadata/problem.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { action, metadataObject, permission } from "./fixtures.ts";

const eventTrigger = {
  name: "t",
  definition: { insert: { columns: "*" } },
  retry_conf: { num_retries: 0, interval_sec: 1 },
  webhook: "http://x",
};
const cron = { name: "c", webhook: "http://x", schedule: "* * * * *", include_in_metadata: true };
const remote = { name: "r", definition: { url: "http://x" } };
const transform = { version: 2, template_engine: "Kriti" };
const table = "/sources/0/tables/0";
const select = { columns: ["id"], filter: {} };

/** The table "What is refused when metadata loads" of docs/reference/hasura-semantics.md, piece by piece: what is refused, where, in which words. */
const rows: readonly (readonly [string, unknown, string])[] = [
  [
    "several sources",
    { ...metadataObject(), sources: [metadataObject().sources, metadataObject().sources].flat() },
    "/sources: more than one source",
  ],
  [
    "another kind of database",
    metadataObject({ source: { kind: "mssql" } }),
    "/sources/0/kind: a source of a kind other than postgres",
  ],
  [
    "customization",
    metadataObject({ source: { customization: { root_fields: { prefix: "x" } } } }),
    "/sources/0/customization: customization",
  ],
  [
    "a naming convention",
    metadataObject({ source: { customization: { naming_convention: "graphql-default" } } }),
    "/sources/0/customization: customization",
  ],
  ["native queries", metadataObject({ source: { native_queries: [{}] } }), "/sources/0/native_queries: native_queries"],
  ["logical models", metadataObject({ source: { logical_models: [{}] } }), "/sources/0/logical_models: logical_models"],
  [
    "stored procedures",
    metadataObject({ source: { stored_procedures: [{}] } }),
    "/sources/0/stored_procedures: stored_procedures",
  ],
  ["functions", metadataObject({ source: { functions: [{}] } }), "/sources/0/functions: functions"],
  [
    "read replicas",
    metadataObject({ source: { configuration: { connection_info: { database_url: "x" }, read_replicas: [{}] } } }),
    "/sources/0/configuration/read_replicas: read_replicas",
  ],
  [
    "connection templates",
    metadataObject({
      source: { configuration: { connection_info: { database_url: "x" }, connection_template: { template: "x" } } },
    }),
    "/sources/0/configuration/connection_template: connection_template",
  ],
  [
    "another isolation level",
    metadataObject({
      source: { configuration: { connection_info: { database_url: "x", isolation_level: "serializable" } } },
    }),
    "/sources/0/configuration/connection_info/isolation_level: an isolation_level other than read-committed",
  ],
  [
    "computed fields",
    metadataObject({ table: { computed_fields: [{}] } }),
    `${table}/computed_fields: computed_fields`,
  ],
  [
    "a relationship to a source",
    metadataObject({ table: { remote_relationships: [{ name: "r", definition: { to_source: {} } }] } }),
    `${table}/remote_relationships/0/definition: a remote relationship other than to_remote_schema`,
  ],
  [
    "apollo federation",
    metadataObject({ table: { apollo_federation_config: { enable: "v1" } } }),
    `${table}/apollo_federation_config: apollo_federation_config`,
  ],
  [
    "validate_input of insert",
    metadataObject({ table: { insert_permissions: permission({ check: {}, validate_input: { type: "http" } }) } }),
    `${table}/insert_permissions/0/permission/validate_input: validate_input`,
  ],
  [
    "validate_input of update",
    metadataObject({
      table: { update_permissions: permission({ columns: [], filter: {}, validate_input: { type: "http" } }) },
    }),
    `${table}/update_permissions/0/permission/validate_input: validate_input`,
  ],
  [
    "validate_input of delete",
    metadataObject({ table: { delete_permissions: permission({ filter: {}, validate_input: { type: "http" } }) } }),
    `${table}/delete_permissions/0/permission/validate_input: validate_input`,
  ],
  [
    "computed fields in a permission",
    metadataObject({ table: { select_permissions: permission({ ...select, computed_fields: ["x"] }) } }),
    `${table}/select_permissions/0/permission/computed_fields: computed_fields in a permission`,
  ],
  [
    "PostGIS operators",
    metadataObject({
      table: { select_permissions: permission({ ...select, filter: { _and: [{ place: { $st_within: {} } }] } }) },
    }),
    `${table}/select_permissions/0/permission/filter/_and/0/place/$st_within: the PostGIS operator _st_within`,
  ],
  [
    "ltree operators",
    metadataObject({
      table: { select_permissions: permission({ ...select, filter: { path: { _ancestor: "a.b" } } }) },
    }),
    `${table}/select_permissions/0/permission/filter/path/_ancestor: the ltree operator _ancestor`,
  ],
  [
    "an event's request transform",
    metadataObject({ table: { event_triggers: [{ ...eventTrigger, request_transform: transform }] } }),
    `${table}/event_triggers/0/request_transform: request_transform`,
  ],
  [
    "an event's response transform",
    metadataObject({ table: { event_triggers: [{ ...eventTrigger, response_transform: transform }] } }),
    `${table}/event_triggers/0/response_transform: response_transform`,
  ],
  [
    "event clean-up",
    metadataObject({ table: { event_triggers: [{ ...eventTrigger, cleanup_config: { schedule: "x" } }] } }),
    `${table}/event_triggers/0/cleanup_config: cleanup_config`,
  ],
  [
    "triggers on replication",
    metadataObject({ table: { event_triggers: [{ ...eventTrigger, trigger_on_replication: true }] } }),
    `${table}/event_triggers/0/trigger_on_replication: trigger_on_replication`,
  ],
  [
    "a cron's request transform",
    metadataObject({ root: { cron_triggers: [{ ...cron, request_transform: transform }] } }),
    "/cron_triggers/0/request_transform: request_transform",
  ],
  [
    "a cron's response transform",
    metadataObject({ root: { cron_triggers: [{ ...cron, response_transform: transform }] } }),
    "/cron_triggers/0/response_transform: response_transform",
  ],
  [
    "a cron outside the metadata",
    metadataObject({ root: { cron_triggers: [{ ...cron, include_in_metadata: false }] } }),
    "/cron_triggers/0/include_in_metadata: a cron trigger with include_in_metadata: false",
  ],
  [
    "asynchronous actions",
    metadataObject({ root: { actions: [action({ kind: "asynchronous" })] } }),
    "/actions/0/definition/kind: an asynchronous action",
  ],
  [
    "an action's request transform",
    metadataObject({ root: { actions: [action({ request_transform: transform })] } }),
    "/actions/0/definition/request_transform: request_transform",
  ],
  [
    "an action's response transform",
    metadataObject({ root: { actions: [action({ response_transform: transform })] } }),
    "/actions/0/definition/response_transform: response_transform",
  ],
  [
    "relationships behind a list of lists",
    metadataObject({
      root: {
        actions: [action({ output_type: "[[Out!]!]" })],
        custom_types: {
          objects: [
            {
              name: "Out",
              fields: [{ name: "id", type: "Int" }],
              relationships: [{ name: "thing", type: "object", remote_table: "things", field_mapping: { id: "id" } }],
            },
          ],
        },
      },
    }),
    "/actions/0/definition/output_type: a relationship of an object reached through a list of lists",
  ],
  [
    "remote schema customization",
    metadataObject({
      root: {
        remote_schemas: [{ ...remote, definition: { url: "http://x", customization: { root_fields_namespace: "x" } } }],
      },
    }),
    "/remote_schemas/0/definition/customization: customization",
  ],
  [
    "relationships of remote types",
    metadataObject({ root: { remote_schemas: [{ ...remote, remote_relationships: [{}] }] } }),
    "/remote_schemas/0/remote_relationships: remote_relationships of a remote schema",
  ],
  [
    "subscriptions in a role's SDL",
    metadataObject({
      root: {
        remote_schemas: [
          {
            ...remote,
            permissions: [
              { role: "user", definition: { schema: "type Query { a: Int } type Subscription { b: Int }" } },
            ],
          },
        ],
      },
    }),
    "/remote_schemas/0/permissions/0/definition/schema: a subscription in a role's remote schema",
  ],
  ...["inherited_roles", "rest_endpoints", "query_collections"].map(
    (key) => [key, metadataObject({ root: { [key]: [{}] } }), `/${key}: ${key}`] as const,
  ),
  ["allow_list", metadataObject({ root: { allowlist: [{}] } }), "/allowlist: allow_list"],
  ...["api_limits", "network", "opentelemetry", "metrics_config", "backend_configs"].map(
    (key) => [key, metadataObject({ root: { [key]: { x: 1 } } }), `/${key}: ${key}`] as const,
  ),
];

test.each(rows)("%s are refused by name", (_name, object, expected) => {
  const result = parseMetadata(object, {});

  expect("problems" in result && result.problems.map(problemText)).toEqual([
    `${expected} is not supported by the embedded engine`,
  ]);
});

test("the empty forms of unsupported keys are accepted", () => {
  const result = parseMetadata(
    metadataObject({
      source: { functions: [], native_queries: [], customization: { naming_convention: "hasura-default" } },
      table: { computed_fields: [], event_triggers: [{ ...eventTrigger, trigger_on_replication: false }] },
      root: { inherited_roles: [], allowlist: [], api_limits: {}, network: {}, rest_endpoints: null },
    }),
    {},
  );

  expect(result).toHaveProperty("metadata");
});

test("all findings are reported at once", () => {
  const result = parseMetadata(
    metadataObject({
      table: { computed_fields: [{}], select_permissions: permission({ ...select, allow_aggregation: true }) },
      root: { network: { x: 1 } },
    }),
    {},
  );

  expect("problems" in result && result.problems.map(problemText).toSorted()).toEqual([
    "/network: network is not supported by the embedded engine",
    `${table}/computed_fields: computed_fields is not supported by the embedded engine`,
    `${table}/select_permissions/0/permission/allow_aggregation: the unknown key "allow_aggregation" is not supported by the embedded engine`,
  ]);
});

function accepted(object: unknown): Metadata {
  const result = parseMetadata(object, {});
  if ("problems" in result) throw new Error(result.problems.map(problemText).join("\n"));
  return result.metadata;
}

test("a column of a PostGIS type is refused once the catalogue is known", () => {
  const type = {
    name: "geometry",
    sql: "public.geometry",
    kind: "base",
    scalar: "geometry",
    element: undefined,
    baseName: "geometry",
  } as const;
  const column = {
    name: "place",
    type,
    typeExtension: "postgis",
    nullable: true,
    generated: false,
    identity: undefined,
    comment: undefined,
  };
  const things = {
    schema: "public",
    name: "things",
    kind: "table",
    comment: undefined,
    columns: [column],
    primaryKey: undefined,
    uniqueKeys: [],
    foreignKeys: [],
    insertable: true,
    updatable: true,
    deletable: true,
  } as const;

  const found = findUnsupportedColumns(accepted(metadataObject()), {
    tables: new Map([["public.things", things]]),
    types: new Map(),
    enumRows: new Map(),
  });

  expect(found.map(problemText)).toEqual([
    '/sources/0/tables/0: the column "place" of PostGIS type "geometry" is not supported by the embedded engine',
  ]);
});

test.each([
  [
    "false",
    [
      "HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: a remote schema without remote schema permissions is not supported by the embedded engine",
    ],
  ],
  ["true", []],
])("a remote schema while remote schema permissions are %s", (flag, expected) => {
  const settings = settingsFromEnv({ HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: flag });

  const found = findUnsupportedSettings(accepted(metadataObject({ root: { remote_schemas: [remote] } })), settings);

  expect(found.map(problemText)).toEqual(expected);
});
