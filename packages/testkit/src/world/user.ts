import { type Database, type memberRole, memberships, users } from "@control-plane/db";
import { uniqueSlug } from "../unique.ts";
import { only } from "./only.ts";

export type MemberRole = (typeof memberRole.enumValues)[number];

/** Every user of the world has this password. */
const TEST_PASSWORD = "a long enough password";

/** argon2id of TEST_PASSWORD with the production parameters (m = 19,456 KiB, t = 2, p = 1), made once. */
const TEST_PASSWORD_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$EIYuDUDPj/zdOiT/vL03eg$30e07r0wlrAI4kZLfvhj2Jmlqahxs6qLJOOrYhH/jIc";

export type TestUser = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly password: string;
  readonly tenantId: string;
  readonly membershipId: string;
  readonly role: MemberRole;
};

export type UserOptions = {
  email?: string;
  name?: string;
  /** An existing user who joins this tenant too. */
  existing?: TestUser;
};

/** A user and the active membership, written directly. */
export async function addUser(
  db: Database,
  tenantId: string,
  role: MemberRole,
  options: UserOptions = {},
): Promise<TestUser> {
  const user =
    options.existing ??
    only(
      await db
        .insert(users)
        .values({
          email: options.email ?? `${uniqueSlug(role)}@example.com`,
          name: options.name ?? `A ${role}`,
          passwordHash: TEST_PASSWORD_HASH,
          lastTenantId: tenantId,
        })
        .returning(),
    );
  const membership = only(await db.insert(memberships).values({ tenantId, userId: user.id, role }).returning());
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    password: TEST_PASSWORD,
    tenantId,
    membershipId: membership.id,
    role,
  };
}
