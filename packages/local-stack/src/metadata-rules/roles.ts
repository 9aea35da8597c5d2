/** The Hasura roles of tenant members and the value of `memberships.role` each stands for. `admin` would be Hasura's superuser. */
export const MEMBER_ROLE_OF = {
  owner: "owner",
  tenant_admin: "admin",
  builder: "builder",
  viewer: "viewer",
} as const satisfies Record<string, string>;

export const ANONYMOUS = "anonymous";

export function memberRoleOf(role: string): string | undefined {
  return Object.entries(MEMBER_ROLE_OF).find(([hasuraRole]) => hasuraRole === role)?.[1];
}
