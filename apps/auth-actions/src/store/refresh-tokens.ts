import type { Queryable } from "@control-plane/db";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { type TenantMembership, tenantsOfUser, tenantsSchema } from "./accounts.ts";
import { REFRESH_TOKEN_DAYS } from "./sessions.ts";

/** A token that was used so recently may be presented again: parallel tabs, server-side rendering, a lost answer. */
const GRACE_SECONDS = 30;
const CHILDREN_MAX = 50;

const presentedSchema = z.object({
  tokenId: z.uuid(),
  sessionId: z.uuid(),
  userId: z.uuid(),
  tenantId: z.uuid(),
  state: z.enum(["FRESH", "GRACE", "REUSED", "EXPIRED"]),
});
export type PresentedToken = z.infer<typeof presentedSchema>;

/** A token with its session, both locked until the transaction ends. Undefined: never issued. */
export async function lockPresentedToken(tx: Queryable, tokenHash: Buffer): Promise<PresentedToken | undefined> {
  const { rows } = await tx.execute(sql`
    select t.id as "tokenId", s.id as "sessionId", s.user_id as "userId", s.tenant_id as "tenantId",
      case when s.ended_at is not null or s.expires_at <= now() or t.expires_at <= now() then 'EXPIRED'
           when t.consumed_at is null then 'FRESH'
           when t.consumed_at > clock_timestamp() - make_interval(secs => ${GRACE_SECONDS}) then 'GRACE'
           else 'REUSED' end as state
      from internal.refresh_tokens t join internal.sessions s on s.id = t.session_id
     where t.token_hash = ${tokenHash}::bytea
       for no key update of s, t`);
  return z.array(presentedSchema).parse(rows)[0];
}

const rotatedSchema = z.object({
  role: z.enum(["owner", "admin", "builder", "viewer"]).nullable(),
  expiresAt: z.coerce.date().nullable(),
  tenants: tenantsSchema,
});

export type Rotated =
  | { outcome: "rotated"; role: TenantMembership["role"]; expiresAt: Date; tenants: TenantMembership[] }
  | { outcome: "not a member" }
  | { outcome: "too many children" };

/**
 * Uses a locked token up and gives it a child, if the user is an ACTIVE member of the tenant; the session is that tenant's
 * from then on. One statement: parallel refreshes of a token wait for each other.
 */
export async function rotate(
  tx: Queryable,
  token: PresentedToken,
  childHash: Buffer,
  tenantId: string,
): Promise<Rotated> {
  const { rows } = await tx.execute(sql`
    with member as (
      select role from memberships
       where tenant_id = ${tenantId}::uuid and user_id = ${token.userId}::uuid and status = 'ACTIVE'),
    consumed as (
      update internal.refresh_tokens set consumed_at = clock_timestamp()
       where id = ${token.tokenId}::uuid and consumed_at is null and exists (select from member)),
    session as (
      update internal.sessions set last_used_at = now(), tenant_id = ${tenantId}::uuid
       where id = ${token.sessionId}::uuid and exists (select from member)
      returning expires_at),
    child as (
      insert into internal.refresh_tokens (session_id, parent_id, token_hash, expires_at)
      select ${token.sessionId}::uuid, ${token.tokenId}::uuid, ${childHash}::bytea,
             least(now() + make_interval(days => ${REFRESH_TOKEN_DAYS}), session.expires_at)
        from session
       where (select count(*) from internal.refresh_tokens where parent_id = ${token.tokenId}::uuid) < ${CHILDREN_MAX}
      returning expires_at)
    select (select role from member) as role, (select expires_at from child) as "expiresAt",
           ${tenantsOfUser(token.userId)} as tenants`);
  const [row] = z.array(rotatedSchema).length(1).parse(rows);
  if (row === undefined || row.role === null) return { outcome: "not a member" };
  if (row.expiresAt === null) return { outcome: "too many children" };
  return { outcome: "rotated", role: row.role, expiresAt: row.expiresAt, tenants: row.tenants };
}
