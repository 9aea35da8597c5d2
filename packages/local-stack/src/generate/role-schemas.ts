import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cloneDatabase, createTemplate, dropDatabase } from "@control-plane/db";
import { createEngine, loadMetadata, MetadataRefusedError, settingsFromEnv } from "@control-plane/hasura-engine";
import { startTemporaryStores } from "@control-plane/local-stores";
import { ANONYMOUS_ROLE, HASURA_ROLES } from "@control-plane/service-kit";
import { buildSchema } from "graphql";
import { hasuraDir } from "../check-metadata.ts";
import { rootDir } from "../clone.ts";
import { offlineEngineEnv } from "../offline-engine.ts";

// hasura/generated/<role>.graphql: what each role's API looks like, so that a change of permissions shows in a diff.

const stores = await startTemporaryStores((line) => console.log(line));
const serverUrl = stores.env.DATABASE_URL ?? "";
const name = `role_schemas_${process.pid}`;
try {
  await createTemplate(serverUrl);
  const databaseUrl = await cloneDatabase(serverUrl, name);
  const settings = settingsFromEnv(offlineEngineEnv(databaseUrl));
  const loaded = await loadMetadata(join(hasuraDir, "metadata"), settings.env);
  if ("problems" in loaded) throw new MetadataRefusedError(loaded.problems);
  const logs = buildSchema(readFileSync(join(rootDir, "apps/logs-schema/schema.graphql"), "utf8"));
  const engine = await createEngine({
    metadata: loaded.metadata,
    databaseUrl,
    settings,
    introspect: async () => logs,
    events: false,
  });
  mkdirSync(join(hasuraDir, "generated"), { recursive: true });
  for (const role of [ANONYMOUS_ROLE, ...HASURA_ROLES])
    writeFileSync(join(hasuraDir, `generated/${role}.graphql`), `${engine.sdl(role)}\n`);
  await engine.close();
} finally {
  await dropDatabase(serverUrl, name).catch(() => {});
  await stores.stop();
}
