import { newToken } from "@control-plane/crypto";
import type { Actor, Queryable } from "@control-plane/db";
import { MEMBER_ROLES } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";
import { insertSession } from "../store/sessions.ts";
import type { IssueAccessToken } from "./access-token.ts";

const roleSchema = z.enum(MEMBER_ROLES);

/** What every way of signing in answers. */
export const authPayloadSchema = z.object({
  accessToken: z.string(),
  accessTokenExpiresAt: z.iso.datetime(),
  refreshToken: z.string(),
  refreshTokenExpiresAt: z.iso.datetime(),
  userId: z.uuid(),
  tenantId: z.uuid(),
  role: roleSchema,
  tenants: z.array(z.object({ tenantId: z.uuid(), slug: z.string(), name: z.string(), role: roleSchema })),
});
export type AuthPayload = z.infer<typeof authPayloadSchema>;

/** Where the request came from; unknown for calls through Hasura. */
export type Origin = { ip: string | undefined; userAgent: string | undefined };

/** One text for every reason, so that nobody learns which part was wrong. */
export function invalidCredentials(): AppError {
  return new AppError("INVALID_CREDENTIALS", "e-mail or password is wrong");
}

/**
 * Opens a session of a member and makes its first pair of tokens, with the role that he has now. In a transaction under
 * way, or by itself.
 * Throws `INVALID_CREDENTIALS` when he is no member any more.
 */
export async function startSession(
  db: Queryable,
  issue: IssueAccessToken,
  actor: Actor & { userId: string; tenantId: string },
  origin: Origin,
): Promise<AuthPayload> {
  const refresh = newToken("rt_");
  const member = { userId: actor.userId, tenantId: actor.tenantId };
  const session = await insertSession(db, actor, { ...member, tokenHash: refresh.hash, ...origin });
  if (session === undefined) throw invalidCredentials();
  const { role, tenants, refreshTokenExpiresAt } = session;
  const access = issue({ ...member, role });
  return {
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt.toISOString(),
    refreshToken: refresh.token,
    refreshTokenExpiresAt: refreshTokenExpiresAt.toISOString(),
    ...member,
    role,
    tenants,
  };
}
