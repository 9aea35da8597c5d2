import { appVersions, connections, type Queryable, workflowVersions } from "@control-plane/db";
import { type Auth, authSchema } from "@control-plane/runs";
import { and, eq, isNotNull, isNull, or, type SQL, sql } from "drizzle-orm";
import { z } from "zod";

/** What can be said in public of a connection: `connections.config`. */
export type ConnectionConfig = { baseUrl?: string | undefined };

/** What calls to an app version have to keep to. */
export type AppVersionForCalls = {
  auth: Auth;
  baseUrl: string | null;
  allowedHosts: readonly string[];
  testRequest: unknown;
};

/** A connection with everything its use needs. */
export type Connection = AppVersionForCalls & {
  id: string;
  tenantId: string;
  config: ConnectionConfig;
  secretCipher: Buffer | null;
  accessTokenCipher: Buffer | null;
  /** By the database's clock; null without a token. */
  accessTokenSecondsLeft: number | null;
};

const versionColumns = {
  authType: appVersions.authType,
  authConfig: appVersions.authConfig,
  baseUrl: appVersions.baseUrl,
  allowedHosts: appVersions.allowedHosts,
  testRequest: appVersions.testRequest,
};
/** For a query over connections and their app versions. */
export const connectionColumns = {
  ...versionColumns,
  id: connections.id,
  tenantId: connections.tenantId,
  config: connections.config,
  secretCipher: connections.secretCipher,
  accessTokenCipher: connections.accessTokenCipher,
  accessTokenSecondsLeft: sql<number | null>`extract(epoch from ${connections.accessTokenExpiresAt} - now())::float8`,
};

/** A published version that the tenant may use: global or its own. */
export async function findUsableAppVersion(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<AppVersionForCalls | undefined> {
  const [row] = await db
    .select(versionColumns)
    .from(appVersions)
    .where(
      and(
        eq(appVersions.id, id),
        isNotNull(appVersions.publishedAt),
        or(isNull(appVersions.tenantId), eq(appVersions.tenantId, tenantId)),
      ),
    );
  return row === undefined ? undefined : versionOf(row);
}

export async function findConnection(db: Queryable, tenantId: string, id: string): Promise<Connection | undefined> {
  const [row] = await db
    .select(connectionColumns)
    .from(connections)
    .innerJoin(appVersions, eq(appVersions.id, connections.appVersionId))
    .where(and(eq(connections.tenantId, tenantId), eq(connections.id, id)));
  return row === undefined ? undefined : connectionOf(row);
}

const versionSchema = z.object({
  baseUrl: z.string().nullable(),
  allowedHosts: z.array(z.string()),
  testRequest: z.unknown(),
});
const bytes = z.instanceof(Buffer).nullable();
const connectionSchema = versionSchema.extend({
  id: z.string(),
  tenantId: z.string(),
  config: z.object({ baseUrl: z.string().optional() }),
  secretCipher: bytes,
  accessTokenCipher: bytes,
  accessTokenSecondsLeft: z.number().nullable(),
});

/** Published versions were validated, so what does not parse is a fault of ours. */
function versionOf(row: unknown): AppVersionForCalls {
  return { ...versionSchema.parse(row), auth: authSchema.parse(row) };
}

export function connectionOf(row: unknown): Connection {
  return { ...connectionSchema.parse(row), auth: authSchema.parse(row) };
}

export type NewConnection = {
  id: string;
  tenantId: string;
  appVersionId: string;
  name: string;
  config: ConnectionConfig;
  secretCipher: Buffer | null;
  secretFields: string[];
  createdBy: string;
};

/** Makes those who add a connection to the tenant take turns until the transaction ends. */
export async function lockConnectionCount(tx: Queryable, tenantId: string): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('connections ' || ${tenantId}, 0))`);
  return tx.$count(connections, eq(connections.tenantId, tenantId));
}

/** False when the tenant has a connection of that name. */
export async function insertConnection(tx: Queryable, connection: NewConnection): Promise<boolean> {
  const inserted = await tx
    .insert(connections)
    .values(connection)
    .onConflictDoNothing()
    .returning({ id: connections.id });
  return inserted.length > 0;
}

/** Everything that followed from the former secrets goes with them. @returns whether the connection was there */
export async function replaceSecrets(
  tx: Queryable,
  connection: Pick<NewConnection, "id" | "tenantId" | "secretCipher" | "secretFields"> & {
    config: ConnectionConfig | undefined;
  },
): Promise<boolean> {
  const { id, tenantId, secretCipher, secretFields, config } = connection;
  const updated = await tx
    .update(connections)
    .set({
      secretCipher,
      secretFields,
      accessTokenCipher: null,
      accessTokenExpiresAt: null,
      status: "UNTESTED",
      ...(config === undefined ? {} : { config }),
    })
    .where(and(eq(connections.tenantId, tenantId), eq(connections.id, id)))
    .returning({ id: connections.id });
  return updated.length > 0;
}

/** @returns whether the tenant has the connection */
export async function lockConnection(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  const locked = await tx
    .select({ id: connections.id })
    .from(connections)
    .where(and(eq(connections.tenantId, tenantId), eq(connections.id, id)))
    .for("update");
  return locked.length > 0;
}

export async function removeConnection(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.delete(connections).where(and(eq(connections.tenantId, tenantId), eq(connections.id, id)));
}

/** Latest versions whose steps use the connection. */
export async function findUses(
  tx: Queryable,
  tenantId: string,
  connectionId: string,
): Promise<{ workflowId: string; version: number }[]> {
  return tx
    .select({ workflowId: workflowVersions.workflowId, version: workflowVersions.version })
    .from(workflowVersions)
    .where(
      and(eq(workflowVersions.tenantId, tenantId), eq(workflowVersions.isLatest, true), usesConnection(connectionId)),
    )
    .orderBy(workflowVersions.workflowId)
    .limit(100);
}

/** Whether a step of the version's definition names the connection; ids in published definitions are in lower case. */
export function usesConnection(connectionId: string): SQL {
  const step = JSON.stringify({ steps: [{ connectionId: connectionId.toLowerCase() }] });
  return sql`${workflowVersions.definition} @> ${step}::jsonb`;
}

/** Only while the connection still has the secrets that were used: others say nothing about it. */
const stillHas = ({ tenantId, id, secretCipher }: Connection): SQL | undefined =>
  and(
    eq(connections.tenantId, tenantId),
    eq(connections.id, id),
    sql`${connections.secretCipher} is not distinct from ${secretCipher}`,
  );

export async function storeTestResult(
  tx: Queryable,
  connection: Connection,
  result: { ok: boolean; checkedAt: string },
): Promise<boolean> {
  const updated = await tx
    .update(connections)
    .set({ lastTestResult: result, lastTestedAt: new Date(result.checkedAt), status: result.ok ? "ACTIVE" : "FAILING" })
    .where(stillHas(connection))
    .returning({ id: connections.id });
  return updated.length > 0;
}

export async function storeAccessToken(
  tx: Queryable,
  connection: Connection,
  token: { cipher: Buffer; lifetimeSeconds: number },
): Promise<void> {
  await tx
    .update(connections)
    .set({
      accessTokenCipher: token.cipher,
      accessTokenExpiresAt: sql`now() + make_interval(secs => ${token.lifetimeSeconds})`,
      status: "ACTIVE",
    })
    .where(stillHas(connection));
}

export async function markFailing(tx: Queryable, connection: Connection): Promise<void> {
  await tx.update(connections).set({ status: "FAILING" }).where(stillHas(connection));
}
