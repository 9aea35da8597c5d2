import type { GraphQLSchema } from "graphql";
import type pg from "pg";
import type { Catalog } from "./catalog/catalog.ts";
import { readCatalog } from "./catalog/read-catalog.ts";
import { HasuraError } from "./hasura-error.ts";
import { findUnsupportedColumns, findUnsupportedSettings } from "./metadata/find-unsupported.ts";
import type { Metadata } from "./metadata/metadata.ts";
import { MetadataRefusedError } from "./metadata/problem.ts";
import { buildModel } from "./model/build-model.ts";
import type { Model } from "./model/model.ts";
import { type Introspected, type RemoteAddress, remoteAddresses } from "./model/remote-schemas.ts";
import { buildRemoteRole } from "./remote-schema/build-remote-role.ts";
import type { EngineSettings } from "./settings.ts";

/** One load of metadata: what the model was made of, so that parts can be renewed. */
export type Loaded = {
  readonly metadata: Metadata;
  readonly catalog: Catalog;
  readonly remotes: ReadonlyMap<string, Introspected>;
  readonly model: Model;
};

/** How a remote schema is asked for its types; rejects with a HasuraError whose message becomes the inconsistency. */
export type Introspect = (address: RemoteAddress) => Promise<GraphQLSchema>;

type Loading = {
  readonly pool: pg.Pool;
  readonly settings: EngineSettings;
  readonly introspect: Introspect;
  readonly version: number;
};

/** Reads the catalogue, asks the remote schemas and builds the model. Throws MetadataRefusedError. */
export async function load(metadata: Metadata, { pool, settings, introspect, version }: Loading): Promise<Loaded> {
  const refused = findUnsupportedSettings(metadata, settings);
  if (refused.length > 0) throw new MetadataRefusedError(refused);
  const catalog = await readCatalog(
    pool,
    metadata.source.tables.map(({ table, is_enum }) => ({ ...table, isEnum: is_enum })),
  );
  const unsupported = findUnsupportedColumns(metadata, catalog);
  if (unsupported.length > 0) throw new MetadataRefusedError(unsupported);
  const remotes = await introspectAll(remoteAddresses(metadata, settings.env), introspect);
  return assemble(metadata, catalog, remotes, settings, version);
}

/** Asks the unreachable remote schemas again; undefined when none of them answers this time. */
export async function retryRemotes(
  loaded: Loaded,
  { settings, introspect, version }: Omit<Loading, "pool">,
): Promise<Loaded | undefined> {
  const addresses = remoteAddresses(loaded.metadata, settings.env);
  const asked = await introspectAll(
    addresses.filter(({ name }) => isUnreachable(loaded.remotes.get(name))),
    introspect,
  );
  if ([...asked.values()].every(isUnreachable)) return undefined;
  const remotes = new Map([...loaded.remotes, ...asked]);
  return assemble(loaded.metadata, loaded.catalog, remotes, settings, version);
}

export function hasUnreachableRemote({ remotes }: Loaded): boolean {
  return [...remotes.values()].some(isUnreachable);
}

function isUnreachable(introspected: Introspected | undefined): boolean {
  return introspected !== undefined && "unreachable" in introspected;
}

function assemble(
  metadata: Metadata,
  catalog: Catalog,
  remotes: ReadonlyMap<string, Introspected>,
  settings: EngineSettings,
  version: number,
): Loaded {
  const model = buildModel({ metadata, catalog, env: settings.env, remotes, version, buildRemoteRole });
  return { metadata, catalog, remotes, model };
}

async function introspectAll(
  addresses: readonly RemoteAddress[],
  introspect: Introspect,
): Promise<ReadonlyMap<string, Introspected>> {
  const answers = await Promise.all(
    addresses.map(async (address): Promise<[string, Introspected]> => {
      try {
        return [address.name, { schema: await introspect(address) }];
      } catch (error) {
        if (error instanceof HasuraError) return [address.name, { unreachable: error.message }];
        throw error;
      }
    }),
  );
  return new Map(answers);
}
