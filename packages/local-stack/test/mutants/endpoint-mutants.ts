import { first, type Mutant, tableOf } from "./mutant.ts";

/** Changes of Hasura actions, remote schema, event and cron triggers, and of what roles may do beside tables. */
export const endpointMutants: readonly Mutant[] = [
  {
    name: "anonymous is given the remote schema",
    change: (metadata) => {
      const permissions = first(metadata.remote_schemas).permissions;
      permissions.push({ ...first(permissions), role: "anonymous" });
    },
    rule: "anonymous",
    pointer: /^\/remote_schemas\/0\/permissions\/\d+\/role$/,
  },
  {
    name: "anonymous may read the schema",
    change: (metadata) => {
      metadata.graphql_schema_introspection = { disabled_for_roles: [] };
    },
    rule: "anonymous",
    pointer: /^\/graphql_schema_introspection/,
  },
  {
    name: "an action is given to viewer",
    change: (metadata) => {
      metadata.actions.find((action) => action.name === "runWorkflow")?.permissions.push({ role: "viewer" });
    },
    rule: "action-differs",
    pointer: /^\/actions\/\d+\/permissions$/,
  },
  {
    name: "the remote schema's tenant preset is dropped",
    change: (metadata) => {
      const { definition } = first(first(metadata.remote_schemas).permissions);
      definition.schema = definition.schema.replace(' @preset(value: "x-hasura-tenant-id")', "");
    },
    rule: "tenant-preset",
    pointer: /^\/remote_schemas\/0\/permissions\/0\/definition\/schema$/,
  },
  {
    name: "the remote schema's tenant preset is a literal",
    change: (metadata) => {
      const { definition } = first(first(metadata.remote_schemas).permissions);
      definition.schema = definition.schema.replaceAll('-tenant-id")', '-tenant-id", static: true)');
    },
    rule: "tenant-preset",
    pointer: /^\/remote_schemas\/0\/permissions\/0\/definition\/schema$/,
  },
  {
    name: "an event payload has no column list",
    change: (metadata) => {
      first(tableOf(metadata, "tenants").event_triggers).definition.update = { columns: ["max_concurrent_runs"] };
    },
    rule: "event-payload",
    pointer: /event_triggers\/0\/definition\/update\/payload$/,
  },
  {
    name: "an event delivers a secret column",
    change: (metadata) => {
      first(tableOf(metadata, "tenants").event_triggers).definition.insert = { columns: "*", payload: ["token_hash"] };
    },
    rule: "secret-column",
    pointer: /event_triggers\/0\/definition\/insert\/payload\/0$/,
  },
  {
    name: "an action forwards client headers",
    change: (metadata) => {
      first(metadata.actions).definition.forward_client_headers = true;
    },
    rule: "client-headers",
    pointer: /^\/actions\/0\/definition\/forward_client_headers$/,
  },
  {
    name: "an action has no secret header",
    change: (metadata) => {
      first(metadata.actions).definition.headers = [];
    },
    rule: "secret-header",
    pointer: /^\/actions\/0\/definition\/headers$/,
  },
  {
    name: "a cron's secret is a literal",
    change: (metadata) => {
      first(metadata.cron_triggers).headers = [{ name: "x-event-secret", value: "s3cret" }];
    },
    rule: "secret-header",
    pointer: /^\/cron_triggers\/0\/headers$/,
  },
  {
    name: "an action's handler lies elsewhere",
    change: (metadata) => {
      first(metadata.actions).definition.handler = "https://example.com/actions/cancelRun";
    },
    rule: "endpoint-url",
    pointer: /^\/actions\/0\/definition\/handler$/,
  },
  {
    name: "a query action says that it is synchronous",
    change: (metadata) => {
      const action = metadata.actions.find(({ definition }) => definition.type === "query");
      if (action !== undefined) action.definition.kind = "synchronous";
    },
    rule: "action-differs",
    pointer: /^\/actions\/\d+\/definition\/kind$/,
  },
  {
    name: "an action exists that the twin does not list",
    change: (metadata) => {
      metadata.actions.push({ ...first(metadata.actions), name: "dropTenant" });
    },
    rule: "not-in-twin",
    pointer: /^\/actions\/\d+$/,
  },
  {
    name: "a cron is gone",
    change: (metadata) => {
      metadata.cron_triggers.pop();
    },
    rule: "not-in-metadata",
    pointer: /^\/cron_triggers$/,
  },
];
