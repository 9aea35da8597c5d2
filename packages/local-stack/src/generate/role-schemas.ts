import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cloneDatabase, createTemplate, dropDatabase } from "@control-plane/db";
import { createEngine, loadMetadata, MetadataRefused, settingsFromEnv } from "@control-plane/hasura-engine";
import { startTemporaryStores } from "@control-plane/local-stores";
import { buildSchema } from "graphql";
import { hasuraDir } from "../check-metadata.ts";
import { rootDir } from "../state.ts";

// hasura/generated/<role>.graphql: what each role's API looks like, so that a change of permissions shows in a diff.

const ROLES = ["anonymous", "owner", "tenant_admin", "builder", "viewer"];
const NOWHERE = "http://127.0.0.1:9";

const stores = await startTemporaryStores((line) => console.log(line));
const serverUrl = stores.env.DATABASE_URL ?? "";
const name = `role_schemas_${process.pid}`;
try {
  await createTemplate(serverUrl);
  const databaseUrl = await cloneDatabase(serverUrl, name);
  const settings = settingsFromEnv({
    HASURA_METADATA_DIR: join(hasuraDir, "metadata"),
    HASURA_GRAPHQL_ADMIN_SECRET: "only-for-printing-0123456789abcdef",
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous",
    PG_DATABASE_URL: databaseUrl,
    AUTH_ACTIONS_URL: NOWHERE,
    WEBHOOK_GATEWAY_URL: NOWHERE,
    ORCHESTRATOR_URL: NOWHERE,
    LOGS_SCHEMA_URL: NOWHERE,
    HASURA_ACTION_SECRET: "read-by-name-only",
    HASURA_EVENT_SECRET: "read-by-name-only",
    LOGS_SCHEMA_SECRET: "read-by-name-only",
  });
  const loaded = await loadMetadata(join(hasuraDir, "metadata"), settings.env);
  if ("problems" in loaded) throw new MetadataRefused(loaded.problems);
  const logs = buildSchema(readFileSync(join(rootDir, "apps/logs-schema/schema.graphql"), "utf8"));
  const engine = await createEngine({
    metadata: loaded.metadata,
    databaseUrl,
    settings,
    introspect: async () => logs,
    events: false,
  });
  mkdirSync(join(hasuraDir, "generated"), { recursive: true });
  for (const role of ROLES) writeFileSync(join(hasuraDir, `generated/${role}.graphql`), `${engine.sdl(role)}\n`);
  await engine.close();
} finally {
  await dropDatabase(serverUrl, name).catch(() => {});
  await stores.stop();
}
