import { randomBytes } from "node:crypto";
import { createDatabase } from "@control-plane/db";
import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";
import type { TestUser } from "@control-plane/testkit";
import { createTestKeys } from "@control-plane/testkit/test-keys";
import { createWorld } from "@control-plane/testkit/world";
import { type ControlPlane, login, startControlPlane } from "../control-plane.ts";
import { addDrafts } from "./drafts.ts";
import { addLogLine } from "./log-lines.ts";
import { addMember, buildMirroredTenant, type MirroredTenant } from "./mirrored-tenant.ts";
import type { Role, TrackedTable } from "./tracked-tables.ts";
import { type Api, openWatchedApi } from "./watched-api.ts";

export const OPS_SECRET = "the-secret-of-operators";

export type Stage = Api & {
  plane: ControlPlane;
  /** Whose members ask. */
  mine: MirroredTenant;
  /** Whose rows nobody may see or touch. */
  theirs: MirroredTenant;
  /** Undefined for anonymous. */
  token(role: Role): string | undefined;
  /** A further member of `mine`, signed in. */
  newMember(role: HasuraRole): Promise<{ user: TestUser; token: string }>;
  newDrafts(member?: string): ReturnType<typeof addDrafts>;
  /** Every tracked row that is not `mine`: those of `theirs` and of the global catalogue. */
  foreignRows(): Promise<string[]>;
  /** Rows of `theirs` in a table. */
  theirRows(table: string): Promise<Record<string, unknown>[]>;
  columns(table: string): readonly string[];
};

/** Two mirrored tenants in a control plane of their own. */
export async function openStage(
  tables: readonly TrackedTable[],
  overrides?: Parameters<typeof startControlPlane>[0],
): Promise<Stage> {
  const plane = await startControlPlane({ orchestrator: { OPS_SECRET }, ...overrides });
  const database = createDatabase({ url: plane.databaseUrl, poolMax: 2, applicationName: "e2e", work: "command" });
  const world = createWorld(database.db);
  const keys = createTestKeys(database.db, plane.keyring);
  const tag = randomBytes(4).toString("hex");
  const mine = await buildMirroredTenant(plane.sql, world, keys, `mine-${tag}`);
  const theirs = await buildMirroredTenant(plane.sql, world, keys, `theirs-${tag}`);
  await Promise.all([mine, theirs].map((tenant) => addLogLine(plane.mongodbUrl, tenant)));
  const columns = await readColumns(plane, tables);
  const theirRows = async (table: string): Promise<Record<string, unknown>[]> => {
    const { rows } = await plane.sql.query<{ row: Record<string, unknown> }>(
      `select to_jsonb(t) as row from ${table} t where ${ownedBy(table, columns)}`,
      [theirs.tenant.id],
    );
    return rows.map(({ row }) => row);
  };
  const api = openWatchedApi(plane.hasuraUrl, await marksOf(tables, theirs.mark, theirRows));
  const tokens = new Map<Role, string>();
  for (const role of HASURA_ROLES) tokens.set(role, await login(plane, mine.users[role]));
  const foreignRows = foreignReader(plane, tables, columns, theirs.tenant.id);
  return {
    ...api,
    plane,
    mine,
    theirs,
    theirRows,
    token: (role) => tokens.get(role),
    async newMember(role) {
      const user = await addMember(mine.tenant, mine.mark, role);
      return { user, token: await login(plane, user) };
    },
    newDrafts: (member) => addDrafts(plane.sql, mine.tenant, mine.mark, member),
    foreignRows,
    columns: (table) => columns.get(table) ?? [],
    async close() {
      await api.close();
      await database.close();
      await plane.close();
    },
  };
}

type Columns = ReadonlyMap<string, readonly string[]>;

async function readColumns({ sql }: ControlPlane, tables: readonly TrackedTable[]): Promise<Columns> {
  const { rows } = await sql.query<{ table_name: string; columns: string[] }>(
    `select table_name, array_agg(column_name::text order by ordinal_position) as columns
       from information_schema.columns where table_schema = 'public' and table_name = any ($1) group by 1`,
    [tables.map(({ name }) => name)],
  );
  return new Map(rows.map(({ table_name, columns }) => [table_name, columns]));
}

/** Which rows of a table are those of tenant $1. */
function ownedBy(table: string, columns: Columns): string {
  if (table === "tenants") return "t.id = $1";
  if (table === "users") return "t.id in (select user_id from memberships where tenant_id = $1)";
  if (columns.get(table)?.includes("tenant_id") === true) return "t.tenant_id = $1";
  throw new Error(`nothing says to which tenant a row of ${table} belongs`);
}

/**
 * Reads the rows only where one was written since the last look, which is told by where the versions of the rows lie and
 * which transaction wrote them: most looks find nothing new, and the catalogue is large.
 */
function foreignReader(
  { sql }: ControlPlane,
  tables: readonly TrackedTable[],
  columns: Columns,
  theirId: string,
): Stage["foreignRows"] {
  const union = (row: string): string => tables.map(({ name }) => foreignQuery(name, columns, row)).join(" union all ");
  const read = async (query: string): Promise<string[]> =>
    (await sql.query<{ row: string }>(query, [theirId])).rows.map(({ row }) => row);
  const marks = `select md5(string_agg(row, ',' order by row)) as row from (${union("t.ctid::text || t.xmin::text")}) r`;
  let last: { mark: string | undefined; rows: string[] } | undefined;
  return async () => {
    const [mark] = await read(marks);
    if (last?.mark !== mark || last === undefined)
      last = { mark, rows: await read(`${union("to_jsonb(t)::text")} order by 1`) };
    return last.rows;
  };
}

function foreignQuery(table: string, columns: Columns, row: string): string {
  // The trail of what concerns no tenant grows with every sign-in.
  const global = columns.get(table)?.includes("tenant_id") === true && table !== "audit_events";
  return `select '${table} ' || ${row} as row from ${table} t where ${ownedBy(table, columns)}${global ? " or t.tenant_id is null" : ""}`;
}

/** What gives a row away: the mark that is in its texts, its id, and where its webhooks go. */
async function marksOf(
  tables: readonly TrackedTable[],
  mark: string,
  theirRows: (table: string) => Promise<Record<string, unknown>[]>,
): Promise<string[]> {
  const marks = [mark];
  for (const { name } of tables) {
    for (const { id, webhook_path: path } of await theirRows(name)) {
      marks.push(String(id));
      if (typeof path === "string") marks.push(path);
    }
  }
  return marks;
}
