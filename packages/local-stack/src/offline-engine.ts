import { join } from "node:path";
import { ANONYMOUS_ROLE } from "@control-plane/service-kit";
import { hasuraDir } from "./check-metadata.ts";

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
