import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { cloneDatabase, createTemplate, dropDatabase } from "@control-plane/db";
import { startTemporaryStores } from "@control-plane/local-stores";
import { checkDescriptions } from "./check-descriptions.ts";
import { checkMetadata } from "./check-metadata.ts";
import { rootDir } from "./clone.ts";
import { offlineEngineEnv } from "./offline-engine.ts";

/**
 * `npm run hasura:check`: shape and our own rules, then the engine's check on a freshly migrated database, with the log
 * schema's types taken from its file, then whether everything a client sees is described. Returns the exit code.
 */
export async function hasuraCheck(print: (line: string) => void): Promise<number> {
  try {
    await checkMetadata();
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return 1;
  }
  print("rules: hasura/metadata agrees with hasura/permissions.yaml and with our rules");
  const stores = await startTemporaryStores(print);
  try {
    const serverUrl = stores.env.DATABASE_URL ?? "";
    await createTemplate(serverUrl);
    const name = `hasura_check_${process.pid}`;
    const url = await cloneDatabase(serverUrl, name);
    try {
      const code = await engineCheck(url);
      return code === 0 ? await descriptionsCheck(url, print) : code;
    } finally {
      await dropDatabase(serverUrl, name);
    }
  } finally {
    await stores.stop();
  }
}

async function descriptionsCheck(databaseUrl: string, print: (line: string) => void): Promise<number> {
  const undescribed = await checkDescriptions(databaseUrl);
  for (const place of undescribed) print(`descriptions: ${place} has none that says it`);
  if (undescribed.length > 0) return 1;
  print("descriptions: every table, column, enum value, action, argument and remote field has one");
  return 0;
}

async function engineCheck(databaseUrl: string): Promise<number> {
  const script = join(rootDir, "packages/hasura-engine/src/cli.ts");
  const child = spawn(
    process.execPath,
    [
      "--conditions=@control-plane/source",
      script,
      "check",
      "--remote",
      `logs=${join(rootDir, "apps/logs-schema/schema.graphql")}`,
    ],
    {
      stdio: "inherit",
      env: { ...process.env, ...offlineEngineEnv(databaseUrl) },
    },
  );
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
}
