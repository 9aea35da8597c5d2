import { type Queryable, refreshTokens, sessions } from "@control-plane/db";
import { sql } from "drizzle-orm";

/** From the last use of a refresh token. */
const REFRESH_TOKEN_DAYS = 30;
/** From sign-in, whatever is refreshed meanwhile. */
const SESSION_DAYS = 90;

export type NewSession = {
  userId: string;
  tenantId: string;
  tokenHash: Buffer;
  ip: string | undefined;
  userAgent: string | undefined;
};

/** One session is one family of refresh tokens. All times are the database's. */
export async function insertSession(
  tx: Queryable,
  session: NewSession,
): Promise<{ sessionId: string; refreshTokenExpiresAt: Date }> {
  const [row] = await tx
    .insert(sessions)
    .values({
      userId: session.userId,
      tenantId: session.tenantId,
      expiresAt: sql`now() + make_interval(days => ${SESSION_DAYS})`,
      ip: session.ip ?? null,
      userAgent: session.userAgent?.slice(0, 256) ?? null,
    })
    .returning({ id: sessions.id });
  if (row === undefined) throw new Error("the session was not inserted");
  const [token] = await tx
    .insert(refreshTokens)
    .values({
      sessionId: row.id,
      tokenHash: session.tokenHash,
      expiresAt: sql`now() + make_interval(days => ${REFRESH_TOKEN_DAYS})`,
    })
    .returning({ expiresAt: refreshTokens.expiresAt });
  if (token === undefined) throw new Error("the refresh token was not inserted");
  return { sessionId: row.id, refreshTokenExpiresAt: token.expiresAt };
}
