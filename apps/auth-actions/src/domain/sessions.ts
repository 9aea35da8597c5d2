import { newToken } from "@control-plane/crypto";
import { type Transaction, writeAudit } from "@control-plane/db";
import type { MemberRole } from "@control-plane/service-kit";
import { z } from "zod";
import type { TenantMembership } from "../store/accounts.ts";
import { insertSession } from "../store/sessions.ts";
import type { IssueAccessToken } from "./access-token.ts";

const roleSchema = z.enum(["owner", "admin", "builder", "viewer"]);

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

/** Opens a session of a live member and makes its first pair of tokens. `tenants` are all the user's ACTIVE memberships. */
export async function startSession(
  tx: Transaction,
  issue: IssueAccessToken,
  member: { userId: string; tenantId: string; role: MemberRole },
  tenants: readonly TenantMembership[],
  origin: Origin,
): Promise<AuthPayload> {
  const refresh = newToken("rt_");
  const { sessionId, refreshTokenExpiresAt } = await insertSession(tx, {
    userId: member.userId,
    tenantId: member.tenantId,
    tokenHash: refresh.hash,
    ...origin,
  });
  await writeAudit(tx, {
    tenantId: member.tenantId,
    action: "session.started",
    targetType: "sessions",
    targetId: sessionId,
  });
  const access = issue(member);
  return {
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt.toISOString(),
    refreshToken: refresh.token,
    refreshTokenExpiresAt: refreshTokenExpiresAt.toISOString(),
    ...member,
    tenants: [...tenants],
  };
}
