import { createEngine, type Engine } from "../../src/engine.ts";
import type { Metadata } from "../../src/metadata/metadata.ts";
import { parseMetadata } from "../../src/metadata/parse-metadata.ts";
import { problemText } from "../../src/metadata/problem.ts";
import { settingsFromEnv } from "../../src/settings.ts";

const configuration = { connection_info: { database_url: "postgres://unused" } };

export function metadataOf(tables: readonly object[], root: object = {}): Metadata {
  const parsed = parseMetadata(
    { version: 3, sources: [{ name: "default", kind: "postgres", configuration, tables }], ...root },
    {},
  );
  if ("problems" in parsed) throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.metadata;
}

export type TriggerFacts = {
  readonly name?: string;
  readonly definition?: object;
  readonly retries?: number;
  readonly intervalSeconds?: number;
};

/** A tracked table with one event trigger. */
export function watched(
  table: string | object,
  webhook: string,
  { name = "watch", definition, retries = 0, intervalSeconds = 1 }: TriggerFacts = {},
): object {
  const all = { insert: { columns: "*" }, update: { columns: "*" }, delete: { columns: "*" } };
  const retry_conf = { num_retries: retries, interval_sec: intervalSeconds, timeout_sec: 10 };
  return {
    table,
    event_triggers: [{ name, webhook, definition: { enable_manual: false, ...(definition ?? all) }, retry_conf }],
  };
}

/** Fetches events each 50 ms. */
export function startEngine(
  databaseUrl: string,
  metadata: Metadata,
  env: Readonly<Record<string, string>> = {},
): Promise<Engine> {
  const settings = settingsFromEnv({ HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL: "50", ...env });
  return createEngine({ metadata, databaseUrl, settings });
}
