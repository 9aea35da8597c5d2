import type { Catalog } from "../catalog/catalog.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { resolveActions } from "./actions.ts";
import { resolveCronTriggers } from "./cron-triggers.ts";
import { resolveCustomTypes } from "./custom-types.ts";
import type { Env } from "./env-templates.ts";
import { resolveEventTriggers } from "./event-triggers.ts";
import { createInconsistencies } from "./inconsistency.ts";
import type { CustomTypes, Model } from "./model.ts";
import { resolvePermissions } from "./permissions/table-permissions.ts";
import { resolveRelationships } from "./relationships.ts";
import { resolveRemoteRelationships } from "./remote-relationships.ts";
import { type BuildRemoteRole, type Introspected, resolveRemoteSchemas } from "./remote-schemas.ts";
import { draftTables, type RootFieldOwners } from "./table-drafts.ts";
import { tableTypeOwners } from "./type-names.ts";

export type ModelInput = {
  readonly metadata: Metadata;
  readonly catalog: Catalog;
  readonly env: Env;
  /** By the remote schema's name. */
  readonly remotes: ReadonlyMap<string, Introspected>;
  readonly version: number;
  readonly buildRemoteRole: BuildRemoteRole;
};

/** Joins metadata and catalogue. What does not resolve is left out, with what hangs on it, and reported. */
export function buildModel({ metadata, catalog, env, remotes, version, buildRemoteRole }: ModelInput): Model {
  const inconsistencies = createInconsistencies();
  const owners: RootFieldOwners = new Map();
  const source = metadata.source.name;
  const drafts = draftTables(metadata, catalog, inconsistencies, owners);
  resolveRelationships(drafts, source, inconsistencies);
  const customTypes = resolveCustomTypes(metadata, drafts, catalog, inconsistencies);
  const actions = resolveActions({ metadata, env, customTypes, inconsistencies, owners });
  const remoteSchemas = resolveRemoteSchemas({
    metadata,
    env,
    remotes,
    buildRemoteRole,
    inconsistencies,
    owners,
    tableTypes: tableTypeOwners(drafts),
    customTypes: customTypes.types,
  });
  resolveRemoteRelationships(drafts, remoteSchemas, source, inconsistencies);
  resolvePermissions(drafts, source, inconsistencies);
  return {
    version,
    tables: new Map([...drafts].map(([key, { table }]) => [key, table])),
    actions,
    customTypes: customTypes.types,
    scalarDescriptions: scalarDescriptions(catalog, customTypes.types),
    remoteSchemas,
    eventTriggers: resolveEventTriggers(drafts, source, env, inconsistencies),
    cronTriggers: resolveCronTriggers(metadata, env, inconsistencies),
    roles: rolesOf(metadata),
    introspectionDisabledRoles: new Set(metadata.introspectionDisabledRoles),
    inconsistencies: inconsistencies.all(),
  };
}

function scalarDescriptions({ types }: Catalog, { scalars }: CustomTypes): Map<string, string> {
  const described = [
    ...[...types.values()].map(({ scalar, comment }) => [scalar, comment] as const),
    ...[...scalars].map(([name, { description }]) => [name, description] as const),
  ];
  return new Map(described.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
}

function rolesOf({ source, actions, remote_schemas, introspectionDisabledRoles }: Metadata): Set<string> {
  const named = [
    ...source.tables.flatMap((table) => [
      ...table.select_permissions,
      ...table.insert_permissions,
      ...table.update_permissions,
      ...table.delete_permissions,
    ]),
    ...actions.flatMap(({ permissions }) => permissions),
    ...remote_schemas.flatMap(({ permissions }) => permissions),
  ].map(({ role }) => role);
  return new Set([...named, ...introspectionDisabledRoles].filter((role) => role !== "admin"));
}
