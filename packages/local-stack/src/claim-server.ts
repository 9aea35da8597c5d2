import { databaseUrl } from "@control-plane/db";
import pg from "pg";
import { databaseName } from "./clone.ts";

/** Held for as long as a stack works on a server. */
export type ServerClaim = { release(): Promise<void> };

/** Every server has it, and it must be one for all stacks: a lock belongs to a database, a role to the whole server. */
const COMMON_DATABASE = "postgres";
const LOCK = "control plane: roles and their passwords";
/** A session that has just ended is gone within this. */
const WAIT_MS_MAX = 2_000;
const LOCK_NOT_AVAILABLE = "55P03";
const CONNECT_MS_MAX = 10_000;

/** Stacks whose services are at work. */
const AT_WORK = `select datname as name from pg_stat_activity
  where usename like 'cp\\_%' and datname like 'control\\_plane\\_%' and datname <> $1 order by 1 limit 1`;
/** Stacks that have the server or wait for it. */
const CLAIMING = `select application_name as name from pg_stat_activity
  where application_name like 'control\\_plane\\_%' and application_name <> $1 order by 1 limit 1`;

/**
 * Makes sure that no other stack works on the server: the login roles belong to all of it, so a second stack would change
 * the passwords of the first. Of stacks that start at the same moment one gets it.
 * @throws when another one has it
 */
export async function claimServer(serverUrl: string, stateDir: string): Promise<ServerClaim> {
  const name = databaseName(stateDir);
  const client = await connectToCommon(serverUrl, name);
  try {
    if (!(await tryToLock(client))) throw refusal(await findStack(client, CLAIMING, name));
    // A claim is lost when the server restarts, while the services come back.
    const other = await findStack(client, AT_WORK, name);
    if (other !== undefined) throw refusal(other);
    return { release: () => client.end() };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Where that database is not there, or not for this account, the given one is the best there is. */
async function connectToCommon(serverUrl: string, name: string): Promise<pg.Client> {
  return connect(databaseUrl(serverUrl, COMMON_DATABASE), name).catch(() => connect(serverUrl, name));
}

async function connect(url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: CONNECT_MS_MAX,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function tryToLock(client: pg.Client): Promise<boolean> {
  try {
    await client.query(`set lock_timeout = ${WAIT_MS_MAX}`);
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [LOCK]);
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}

async function findStack(client: pg.Client, statement: string, except: string): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(statement, [except]);
  return rows[0]?.name;
}

function refusal(other = "which is not to be seen"): Error {
  return new Error(
    `DATABASE_URL: the stack of another clone works on that server (${other}), and two cannot share it: the roles cp_* and their passwords belong to the whole server; stop the other stack, name another server, or unset DATABASE_URL to have one of this clone's own`,
  );
}
