import { buildSchema } from "graphql";
import type { Pool } from "pg";
import { readCatalog } from "../../src/catalog/read-catalog.ts";
import { parseMetadata } from "../../src/metadata/parse-metadata.ts";
import { problemText } from "../../src/metadata/problem.ts";
import { buildModel, type ModelInput } from "../../src/model/build-model.ts";
import type { Model, Table } from "../../src/model/model.ts";
import { buildRemoteRole } from "../../src/remote-schema/build-remote-role.ts";

type Json = Readonly<Record<string, unknown>>;

/** Builds the model of tables and other parts of metadata over the database's real catalogue. */
export async function buildFrom(
  pool: Pool,
  tables: readonly Json[],
  root: Json = {},
  options: { readonly env?: Readonly<Record<string, string>>; readonly remotes?: ModelInput["remotes"] } = {},
): Promise<Model> {
  const env = options.env ?? {};
  const configuration = { connection_info: { database_url: "postgres://unused" } };
  const parsed = parseMetadata(
    { version: 3, sources: [{ name: "default", kind: "postgres", configuration, tables }], ...root },
    env,
  );
  if ("problems" in parsed) throw new Error(parsed.problems.map(problemText).join("\n"));
  const { metadata } = parsed;
  const catalog = await readCatalog(
    pool,
    metadata.source.tables.map(({ table, is_enum }) => ({ ...table, isEnum: is_enum })),
  );
  return buildModel({ metadata, catalog, env, remotes: options.remotes ?? new Map(), version: 1, buildRemoteRole });
}

export function upstream(sdl: string): { readonly schema: ReturnType<typeof buildSchema> } {
  return { schema: buildSchema(sdl) };
}

export function reasons(model: Model): string[] {
  return model.inconsistencies.map(({ type, code, reason }) => `${type} ${code}: ${reason}`);
}

export function tableOf(model: Model, key: string): Table {
  const found = model.tables.get(key);
  if (found === undefined) throw new Error(`${key} is missing: ${reasons(model).join("; ")}`);
  return found;
}
