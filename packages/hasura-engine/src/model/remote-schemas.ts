import type { GraphQLSchema } from "graphql";
import type { Metadata, RemoteSchemaMetadata } from "../metadata/metadata.ts";
import { type Env, fillUrl, resolveHeaders, urlFromEnv } from "./env-templates.ts";
import { type Inconsistencies, InconsistencyError } from "./inconsistency.ts";
import type { CustomTypes, HeaderSetting, RemoteRoleSchema, RemoteSchema } from "./model.ts";
import { claim, type RootFieldOwners } from "./table-drafts.ts";
import { requireFreeTypeNames, requireSameTypes, type TypeOwners } from "./type-names.ts";

const TIMEOUT_SECONDS_DEFAULT = 60;

/** What asking a remote schema for its types brought. */
export type Introspected = { readonly schema: GraphQLSchema } | { readonly unreachable: string };

/** Turns a role's SDL into its part of the upstream schema, or names what is wrong with it. */
export type BuildRemoteRole = (
  upstream: GraphQLSchema,
  sdl: string,
) => { readonly role: RemoteRoleSchema } | { readonly reason: string };

export type RemoteAddress = {
  readonly name: string;
  readonly url: string;
  readonly writtenUrl: string;
  readonly headers: readonly HeaderSetting[];
  readonly timeoutSeconds: number;
};

/** Where to ask for the remote's types. Throws InconsistencyError. */
function addressOf({ name, definition }: RemoteSchemaMetadata, env: Env): RemoteAddress {
  const { url, url_from_env, headers, timeout_seconds } = definition;
  if ((url === undefined) === (url_from_env === undefined)) {
    throw new InconsistencyError("invalid-params", "exactly one of url and url_from_env must be given");
  }
  return {
    name,
    url: url === undefined ? urlFromEnv(url_from_env ?? "", env) : fillUrl(url, env),
    writtenUrl: url ?? `{{${url_from_env}}}`,
    headers: resolveHeaders(headers, env),
    timeoutSeconds: timeout_seconds ?? TIMEOUT_SECONDS_DEFAULT,
  };
}

/** Addresses of the remote schemas whose settings resolve; the model reports the others. */
export function remoteAddresses(metadata: Metadata, env: Env): RemoteAddress[] {
  return metadata.remote_schemas.flatMap((entry) => {
    try {
      return [addressOf(entry, env)];
    } catch (error) {
      if (error instanceof InconsistencyError) return [];
      throw error;
    }
  });
}

type Input = {
  readonly metadata: Metadata;
  readonly env: Env;
  readonly remotes: ReadonlyMap<string, Introspected>;
  readonly buildRemoteRole: BuildRemoteRole;
  readonly inconsistencies: Inconsistencies;
  readonly owners: RootFieldOwners;
  readonly tableTypes: TypeOwners;
  readonly customTypes: CustomTypes;
};

/** Later than tables and actions, which keep a root field that a remote also has. */
export function resolveRemoteSchemas(input: Input): RemoteSchema[] {
  const resolved: RemoteSchema[] = [];
  for (const entry of input.metadata.remote_schemas) {
    const object = { type: "remote_schema", name: entry.name, definition: entry };
    const remote = input.inconsistencies.attempt(object, () => resolveRemoteSchema(entry, input, resolved));
    if (remote !== undefined) resolved.push(remote);
  }
  return resolved;
}

function resolveRemoteSchema(entry: RemoteSchemaMetadata, input: Input, others: readonly RemoteSchema[]): RemoteSchema {
  const { name, definition, comment } = entry;
  const address = addressOf(entry, input.env);
  const introspected = input.remotes.get(name);
  if (introspected === undefined)
    throw new InconsistencyError("remote-schema-error", `the remote schema "${name}" was not introspected`);
  if ("unreachable" in introspected) throw new InconsistencyError("remote-schema-error", introspected.unreachable);
  const { schema } = introspected;
  requireFreeTypeNames({ name, schema }, input.tableTypes, input.customTypes, others);
  const queries = Object.keys(schema.getQueryType()?.getFields() ?? {});
  const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
  claim(
    [...queries.map((field) => `query ${field}`), ...mutations.map((field) => `mutation ${field}`)],
    `remote schema ${name}`,
    input.owners,
  );
  const roles = resolveRoles(entry, schema, input, others);
  return { ...address, forwardClientHeaders: definition.forward_client_headers, comment, schema, roles };
}

function resolveRoles(
  { name, permissions }: RemoteSchemaMetadata,
  schema: GraphQLSchema,
  { inconsistencies, buildRemoteRole }: Input,
  others: readonly RemoteSchema[],
): Map<string, RemoteRoleSchema> {
  const roles = new Map<string, RemoteRoleSchema>();
  for (const permission of permissions) {
    const object = {
      type: "remote_schema_permission",
      name: `${permission.role} permission in remote schema ${name}`,
      definition: { remote_schema: name, ...permission },
    };
    const role = inconsistencies.attempt(object, () => {
      if (permission.role === "admin")
        throw new InconsistencyError("constraint-violation", "cannot define permission for admin role");
      const built = buildRemoteRole(schema, permission.definition.schema);
      if ("reason" in built) throw new InconsistencyError("validation-failed", built.reason);
      requireSameTypes(name, permission.role, built.role, others);
      return built.role;
    });
    if (role !== undefined) roles.set(permission.role, role);
  }
  return roles;
}
