import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  createEngine,
  type Engine,
  loadMetadata,
  MetadataRefusedError,
  settingsFromEnv,
} from "@control-plane/hasura-engine";
import { ANONYMOUS_ROLE } from "@control-plane/service-kit";
import { buildSchema } from "graphql";
import { hasuraDir } from "./check-metadata.ts";
import { rootDir } from "./clone.ts";

const NOWHERE = "http://127.0.0.1:9";
const READ_BY_NAME = "read-by-name-only";

/** Settings of an engine that loads the metadata and is never asked anything: what metadata names is set, and leads nowhere. */
export function offlineEngineEnv(databaseUrl: string): Record<string, string> {
  return {
    HASURA_METADATA_DIR: join(hasuraDir, "metadata"),
    HASURA_GRAPHQL_ADMIN_SECRET: "of-an-engine-nobody-asks-0123456789",
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: ANONYMOUS_ROLE,
    PG_DATABASE_URL: databaseUrl,
    AUTH_ACTIONS_URL: NOWHERE,
    WEBHOOK_GATEWAY_URL: NOWHERE,
    ORCHESTRATOR_URL: NOWHERE,
    LOGS_SCHEMA_URL: NOWHERE,
    HASURA_ACTION_SECRET: READ_BY_NAME,
    HASURA_EVENT_SECRET: READ_BY_NAME,
    LOGS_SCHEMA_SECRET: READ_BY_NAME,
  };
}

/** An engine over a migrated database that runs no service, event or cron; the log schema's types come from its file. */
export async function openOfflineEngine(databaseUrl: string): Promise<Engine> {
  const settings = settingsFromEnv(offlineEngineEnv(databaseUrl));
  const loaded = await loadMetadata(join(hasuraDir, "metadata"), settings.env);
  if ("problems" in loaded) throw new MetadataRefusedError(loaded.problems);
  const logs = buildSchema(readFileSync(join(rootDir, "apps/logs-schema/schema.graphql"), "utf8"));
  return createEngine({
    metadata: loaded.metadata,
    databaseUrl,
    settings,
    introspect: async () => logs,
    events: false,
  });
}
