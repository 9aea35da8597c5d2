import { HASURA_ROLES, type MemberRole, memberRole } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";

/** Who asks, as Hasura says in its headers; believable only because the secret header was checked before. */
export type LogsCaller =
  | { kind: "member"; tenantId: string; userId: string; role: MemberRole }
  /** Somebody with Hasura's admin secret; reads any tenant by naming it. */
  | { kind: "operator" };

const memberSchema = z.object({
  tenantId: z.uuid().toLowerCase(),
  userId: z.uuid(),
  role: z.enum(HASURA_ROLES),
});

/** Throws `FORBIDDEN` for everything that is neither a tenant's member nor an operator. */
export function readCaller(header: (name: string) => string | undefined): LogsCaller {
  const tenantId = header("x-hasura-tenant-id");
  const role = header("x-hasura-role");
  if (tenantId === undefined && role === "admin") return { kind: "operator" };
  const member = memberSchema.safeParse({ tenantId, userId: header("x-hasura-user-id"), role });
  if (!member.success) throw new AppError("FORBIDDEN", "not a member of a tenant");
  return {
    kind: "member",
    tenantId: member.data.tenantId,
    userId: member.data.userId,
    role: memberRole(member.data.role),
  };
}
