import { createDatabase, databaseUrl, migrate, seed } from "@control-plane/db";
import pg from "pg";
import { databaseName } from "./clone.ts";
import type { StackSecrets } from "./secrets.ts";

/** The stack's own database on a server that it has claimed; a server given by DATABASE_URL keeps its other databases untouched. */
export async function prepareDatabase(serverUrl: string, stateDir: string, secrets: StackSecrets): Promise<string> {
  const name = databaseName(stateDir);
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  try {
    const { rowCount } = await server.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount === 0) await server.query(`create database ${name}`);
  } finally {
    await server.end();
  }
  const url = databaseUrl(serverUrl, name);
  const { hasura, auth, gateway, orchestrator, logs } = secrets.databasePasswords;
  await migrate({
    url,
    passwords: { cp_hasura: hasura, cp_auth: auth, cp_gateway: gateway, cp_orchestrator: orchestrator, cp_logs: logs },
  });
  const client = createDatabase({ url, poolMax: 1, applicationName: "local-stack", work: "command" });
  try {
    await seed(client.db);
  } finally {
    await client.close();
  }
  return url;
}
