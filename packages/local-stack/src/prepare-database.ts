import { createDatabase, databaseUrl, migrate, seed } from "@control-plane/db";
import pg from "pg";
import { cloneTag } from "./clone.ts";
import type { StackSecrets } from "./secrets.ts";

/** The stack's own database on the server; a server given by DATABASE_URL keeps its other databases untouched. */
export async function prepareDatabase(serverUrl: string, stateDir: string, secrets: StackSecrets): Promise<string> {
  const name = `control_plane_${cloneTag(stateDir)}`;
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  try {
    await refuseForeignStack(server, name);
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

/** The login roles belong to the whole server: a second stack on it would change the passwords of the first. */
async function refuseForeignStack(server: pg.Client, name: string): Promise<void> {
  const { rows } = await server.query<{ datname: string }>(
    `select distinct datname from pg_stat_activity
     where usename like 'cp\\_%' and datname like 'control\\_plane\\_%' and datname <> $1 order by datname`,
    [name],
  );
  const [other] = rows;
  if (other === undefined) return;
  throw new Error(
    `DATABASE_URL: the stack of another clone works on that server (database ${other.datname}), and two cannot share it: the roles cp_* and their passwords belong to the whole server; stop the other stack, name another server, or unset DATABASE_URL to have one of this clone's own`,
  );
}
