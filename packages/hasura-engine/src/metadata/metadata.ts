import { z } from "zod";
import { actionMetadataSchema, customTypesMetadataSchema } from "./action-metadata.ts";
import {
  commentSchema,
  flagSchema,
  headersSchema,
  isEmpty,
  listOf,
  nonNegativeSchema,
  optional,
  refused,
  secondsSchema,
} from "./field-schemas.ts";
import { unsupported } from "./problem.ts";
import { tableMetadataSchema } from "./table-metadata.ts";

const poolNumberSchema = optional(z.number());
const connectionInfoSchema = z.strictObject({
  database_url: z.union([
    z.string(),
    z.strictObject({ from_env: z.string() }),
    z.strictObject({ connection_parameters: refused("connection_parameters") }),
  ]),
  isolation_level: optional(
    z
      .string()
      .refine((level) => level === "read-committed", unsupported("an isolation_level other than read-committed")),
  ),
  pool_settings: optional(
    z.strictObject({
      connection_lifetime: poolNumberSchema,
      idle_timeout: poolNumberSchema,
      max_connections: poolNumberSchema,
      pool_timeout: poolNumberSchema,
      retries: poolNumberSchema,
      total_max_connections: poolNumberSchema,
    }),
  ),
  use_prepared_statements: optional(z.boolean()),
  ssl_configuration: refused("ssl_configuration"),
});

const sourceMetadataSchema = z.strictObject({
  name: z.string().min(1),
  kind: z
    .string()
    .refine((kind) => kind === "postgres" || kind === "pg", unsupported("a source of a kind other than postgres")),
  configuration: z.strictObject({
    connection_info: connectionInfoSchema,
    read_replicas: refused("read_replicas"),
    connection_template: refused("connection_template"),
    connection_set: refused("connection_set"),
    extensions_schema: optional(z.string()),
  }),
  tables: listOf(tableMetadataSchema),
  functions: refused("functions"),
  native_queries: refused("native_queries"),
  logical_models: refused("logical_models"),
  stored_procedures: refused("stored_procedures"),
  customization: refused("customization", isDefaultNaming),
  health_check: refused("health_check"),
  query_tags: refused("query_tags"),
});

function isDefaultNaming(value: unknown): boolean {
  if (isEmpty(value)) return true;
  const parsed = z
    .strictObject({
      naming_convention: z.literal("hasura-default").nullish(),
      root_fields: z.unknown().optional(),
      type_names: z.unknown().optional(),
    })
    .safeParse(value);
  return parsed.success && isEmpty(parsed.data.root_fields) && isEmpty(parsed.data.type_names);
}

const remoteSchemaMetadataSchema = z.strictObject({
  name: z.string().min(1),
  definition: z.strictObject({
    url: optional(z.string()),
    url_from_env: optional(z.string()),
    headers: headersSchema,
    forward_client_headers: flagSchema,
    timeout_seconds: optional(secondsSchema),
    customization: refused("customization"),
  }),
  permissions: listOf(
    z.strictObject({
      role: z.string().min(1),
      definition: z.strictObject({ schema: z.string() }),
      comment: commentSchema,
    }),
  ),
  remote_relationships: refused("remote_relationships of a remote schema"),
  comment: commentSchema,
});
export type RemoteSchemaMetadata = z.infer<typeof remoteSchemaMetadataSchema>;

const cronTriggerMetadataSchema = z.strictObject({
  name: z.string().min(1),
  webhook: z.string().min(1),
  schedule: z.string().min(1),
  include_in_metadata: z
    .boolean()
    .refine((included) => included, unsupported("a cron trigger with include_in_metadata: false")),
  payload: z.unknown().optional(),
  retry_conf: optional(
    z.strictObject({
      num_retries: optional(nonNegativeSchema),
      retry_interval_seconds: optional(nonNegativeSchema),
      timeout_seconds: optional(secondsSchema),
      tolerance_seconds: optional(nonNegativeSchema),
    }),
  ),
  headers: headersSchema,
  comment: commentSchema,
  request_transform: refused("request_transform"),
  response_transform: refused("response_transform"),
});
export type CronTriggerMetadata = z.infer<typeof cronTriggerMetadataSchema>;

/** The merged object of metadata version 3. Strict: unknown keys are problems, here and below. */
export const metadataSchema = z.strictObject({
  version: z.literal(3, { error: "only metadata version 3 is supported by the embedded engine" }),
  sources: z
    .array(sourceMetadataSchema)
    .min(1, "one source must be given")
    .refine((sources) => sources.length <= 1, unsupported("more than one source")),
  actions: listOf(actionMetadataSchema),
  custom_types: customTypesMetadataSchema,
  remote_schemas: listOf(remoteSchemaMetadataSchema),
  cron_triggers: listOf(cronTriggerMetadataSchema),
  graphql_schema_introspection: optional(z.strictObject({ disabled_for_roles: listOf(z.string()) })),
  inherited_roles: refused("inherited_roles"),
  rest_endpoints: refused("rest_endpoints"),
  query_collections: refused("query_collections"),
  allowlist: refused("allow_list"),
  api_limits: refused("api_limits"),
  network: refused("network"),
  opentelemetry: refused("opentelemetry"),
  metrics_config: refused("metrics_config"),
  backend_configs: refused("backend_configs"),
});

export type SourceMetadata = z.infer<typeof sourceMetadataSchema>;
type ParsedMetadata = z.infer<typeof metadataSchema>;

export type Metadata = Pick<ParsedMetadata, "actions" | "custom_types" | "remote_schemas" | "cron_triggers"> & {
  readonly source: SourceMetadata;
  /** From `database_url`; undefined when the variable it names is unset. */
  readonly databaseUrl: string | undefined;
  readonly introspectionDisabledRoles: readonly string[];
  /** The merged object as it was given, for `export_metadata`. */
  readonly raw: unknown;
};
