import { type Actor, actingAs, actorSettings, type Queryable, sessions } from "@control-plane/db";
import { MEMBER_ROLES } from "@control-plane/service-kit";
import { and, desc, eq, fillPlaceholders, gt, isNull, type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { z } from "zod";
import { tenantsOfUser, tenantsSchema } from "./accounts.ts";

/** From the last use of a refresh token. */
export const REFRESH_TOKEN_DAYS = 30;
/** From sign-in, whatever is refreshed meanwhile. */
const SESSION_DAYS = 90;

export type NewSession = {
  userId: string;
  tenantId: string;
  tokenHash: Buffer;
  ip: string | undefined;
  userAgent: string | undefined;
};

const startedSchema = z.object({
  refreshTokenExpiresAt: z.coerce.date(),
  role: z.enum(MEMBER_ROLES),
  tenants: tenantsSchema,
});
export type StartedSession = z.infer<typeof startedSchema>;

/**
 * One session is one family of refresh tokens; this opens it with its first one, puts it on the trail, remembers the
 * tenant as the user's last one, and gives the role and the tenants of the user. Undefined, and nothing done, when the
 * user is no ACTIVE member of the tenant, or is about to be none. One statement, which may be a transaction by itself: a
 * sign-in should cost little beyond its password. All times are the database's.
 */
export async function insertSession(
  db: Queryable,
  actor: Actor,
  session: NewSession,
): Promise<StartedSession | undefined> {
  const values = {
    ...actorSettings(actor),
    ...session,
    ip: session.ip ?? null,
    userAgent: session.userAgent?.slice(0, 256) ?? null,
  };
  // Prepared under a name where that is possible: planning it costs more than running it.
  const { rows } =
    "$client" in db
      ? await db.$client.query({
          name: "insert_session",
          text: PREPARED.sql,
          values: fillPlaceholders(PREPARED.params, values),
        })
      : await db.execute(insertStatement(values));
  return z.array(startedSchema).max(1).parse(rows)[0];
}

type InsertValue = "actor" | "trace" | keyof NewSession;

function insertStatement(value: Readonly<Record<InsertValue, unknown>>): SQL {
  return sql`
    with actor as materialized (select ${actingAs(value)}),
    member as materialized (
      select m.user_id, m.tenant_id, m.role from actor, memberships m
       where m.tenant_id = ${value.tenantId}::uuid and m.user_id = ${value.userId}::uuid and m.status = 'ACTIVE'
       for share of m),
    last_tenant as (
      update users u set last_tenant_id = member.tenant_id from member
       where u.id = member.user_id and u.last_tenant_id is distinct from member.tenant_id),
    session as (
      insert into internal.sessions (user_id, tenant_id, expires_at, ip, user_agent)
      select user_id, tenant_id, now() + make_interval(days => ${SESSION_DAYS}), ${value.ip}::inet, ${value.userAgent}::text
        from member
      returning id),
    token as (
      insert into internal.refresh_tokens (session_id, token_hash, expires_at)
      select id, ${value.tokenHash}::bytea, now() + make_interval(days => ${REFRESH_TOKEN_DAYS}) from session
      returning session_id, expires_at)
    select expires_at as "refreshTokenExpiresAt", role, ${tenantsOfUser(value.userId)} as tenants,
           internal.write_audit(tenant_id, 'session.started', 'sessions', session_id)
      from token, member`;
}

const PREPARED = new PgDialect().sqlToQuery(
  insertStatement({
    actor: sql.placeholder("actor"),
    trace: sql.placeholder("trace"),
    userId: sql.placeholder("userId"),
    tenantId: sql.placeholder("tenantId"),
    tokenHash: sql.placeholder("tokenHash"),
    ip: sql.placeholder("ip"),
    userAgent: sql.placeholder("userAgent"),
  }),
);

export type EndReason =
  | "LOGOUT"
  | "LOGOUT_EVERYWHERE"
  | "REVOKED"
  | "REUSE"
  | "MEMBERSHIP_REMOVED"
  | "PASSWORD_CHANGED";

/**
 * Ends open sessions, with a row of the trail for each; none of their refresh tokens works from then on. Gives how many
 * there were. A session is named by its id, by one of its refresh tokens, or by its user, in one tenant or in all.
 */
export async function endSessions(
  tx: Queryable,
  which:
    | { sessionId: string; userId?: string }
    | { refreshTokenHash: Buffer }
    | { userId: string; tenantId?: string; exceptRefreshTokenHash?: Buffer | undefined },
  reason: EndReason,
): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    with ended as (
      update internal.sessions s set ended_at = now(), end_reason = ${reason}
       where s.ended_at is null and ${sessionsNamed(which)}
      returning s.id, s.tenant_id)
    select internal.write_audit(tenant_id, 'session.ended', 'sessions', id, ${JSON.stringify({ reason })}::jsonb) from ended`);
  return rowCount ?? 0;
}

function sessionsNamed(which: Parameters<typeof endSessions>[1]) {
  const ofToken = (hash: Buffer) =>
    sql`(select t.session_id from internal.refresh_tokens t where t.token_hash = ${hash}::bytea)`;
  if ("refreshTokenHash" in which) return sql`s.id = ${ofToken(which.refreshTokenHash)}`;
  if ("sessionId" in which)
    return and(
      sql`s.id = ${which.sessionId}::uuid`,
      which.userId === undefined ? undefined : sql`s.user_id = ${which.userId}::uuid`,
    );
  return and(
    sql`s.user_id = ${which.userId}::uuid`,
    which.tenantId === undefined ? undefined : sql`s.tenant_id = ${which.tenantId}::uuid`,
    which.exceptRefreshTokenHash === undefined
      ? undefined
      : sql`s.id is distinct from ${ofToken(which.exceptRefreshTokenHash)}`,
  );
}

/** Sessions of the user that a refresh token can still continue, latest use first. */
export async function listOpenSessions(db: Queryable, userId: string) {
  return db
    .select({
      sessionId: sessions.id,
      tenantId: sessions.tenantId,
      createdAt: sessions.createdAt,
      lastUsedAt: sessions.lastUsedAt,
      ip: sql<string | null>`host(${sessions.ip})`,
      userAgent: sessions.userAgent,
    })
    .from(sessions)
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, sql`now()`),
        gt(sessions.lastUsedAt, sql`now() - make_interval(days => ${REFRESH_TOKEN_DAYS})`),
      ),
    )
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
    .limit(OPEN_SESSIONS_MAX);
}

const OPEN_SESSIONS_MAX = 200;

/** Whether the user has, or had, this session. */
export async function isSessionOf(db: Queryable, userId: string, sessionId: string): Promise<boolean> {
  const found = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)));
  return found.length > 0;
}
