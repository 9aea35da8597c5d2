import type pg from "pg";
import { sqlState } from "./sql-state.ts";

/** The login roles of the services; `cp_owner`, which cannot log in, owns everything. */
export const LOGIN_ROLES = ["cp_hasura", "cp_auth", "cp_gateway", "cp_orchestrator", "cp_logs"] as const;
export type LoginRole = (typeof LOGIN_ROLES)[number];

const MIGRATION_OWNER = "cp_owner";

/** Of every statement of Hasura, which has no time-out of its own that reaches PostgreSQL. */
const HASURA_STATEMENT_TIMEOUT = "10s";

/** Concurrent creation or granting by another session: roles are cluster-wide, advisory locks belong to one database. */
const CONCURRENT_CHANGE = new Set(["42710", "23505", "XX000"]);
const TRIES_MAX = 10;

/**
 * Creates what is absent of the `cp_*` roles, lets the connected account and the owner act for whom they must, and gives
 * the owner the database. Safe to repeat and to run at once on several databases of one cluster.
 */
export async function ensureRoles(client: pg.ClientBase, passwords: Partial<Record<LoginRole, string>>): Promise<void> {
  await repeatOnConcurrentChange(() => createAbsentRoles(client));
  await repeatOnConcurrentChange(() => grantMemberships(client));
  await repeatOnConcurrentChange(() => boundHasuraStatements(client));
  for (const role of LOGIN_ROLES) {
    const password = passwords[role];
    if (password === undefined) continue;
    await repeatOnConcurrentChange(async () => {
      await client.query(`alter role ${role} password ${client.escapeLiteral(password)}`);
    });
  }
  await grantDatabase(client);
}

/**
 * Only what is absent: an account that is no superuser grants as the owner of the database the first time, but acts for
 * `cp_owner` from then on, and what `cp_owner` was given it cannot give back.
 */
async function grantDatabase(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string; in_database: boolean; in_schema: boolean }>(
    `select current_database() as name, has_database_privilege($1, current_database(), 'create') as in_database,
       has_schema_privilege($1, 'public', 'usage with grant option')
         and has_schema_privilege($1, 'public', 'create with grant option') as in_schema`,
    [MIGRATION_OWNER],
  );
  const state = rows[0];
  if (state === undefined) return;
  if (!state.in_database)
    await client.query(`grant create on database ${client.escapeIdentifier(state.name)} to ${MIGRATION_OWNER}`);
  if (!state.in_schema)
    await client.query(`grant usage, create on schema public to ${MIGRATION_OWNER} with grant option`);
}

async function createAbsentRoles(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>("select rolname from pg_roles where rolname like 'cp\\_%'");
  const present = new Set(rows.map((row) => row.rolname));
  if (!present.has(MIGRATION_OWNER)) await client.query(`create role ${MIGRATION_OWNER} nologin`);
  for (const role of LOGIN_ROLES) {
    if (!present.has(role)) await client.query(`create role ${role} login`);
  }
}

/** An operator's own value stays. A program that names a time-out when it connects, as the embedded engine does, has that one. */
async function boundHasuraStatements(client: pg.ClientBase): Promise<void> {
  const { rowCount } = await client.query(
    `select from pg_roles, unnest(rolconfig) setting where rolname = 'cp_hasura' and setting like 'statement\\_timeout=%'`,
  );
  if (rowCount === 0) await client.query(`alter role cp_hasura set statement_timeout = '${HASURA_STATEMENT_TIMEOUT}'`);
}

/** The owner may act for `cp_hasura`, whose schemas and default privileges a migration sets up. */
async function grantMemberships(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ account: string; acts: boolean; owner_acts: boolean }>(
    `select current_user as account, pg_has_role(current_user, $1, 'set') as acts, pg_has_role($1, 'cp_hasura', 'set') as owner_acts`,
    [MIGRATION_OWNER],
  );
  const state = rows[0];
  if (state === undefined) return;
  if (!state.acts)
    await client.query(
      `grant ${MIGRATION_OWNER} to ${client.escapeIdentifier(state.account)} with inherit true, set true`,
    );
  if (!state.owner_acts) await client.query(`grant cp_hasura to ${MIGRATION_OWNER} with inherit true, set true`);
}

async function repeatOnConcurrentChange(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt >= TRIES_MAX || !CONCURRENT_CHANGE.has(sqlState(error) ?? "")) throw error;
    }
  }
}
