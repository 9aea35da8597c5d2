export type MemberRole = "owner" | "admin" | "builder" | "viewer";
/** Hasura's own `admin` bypasses every permission, so a tenant's admin is called something else there. */
export type HasuraRole = "owner" | "tenant_admin" | "builder" | "viewer";

const HASURA_ROLE = {
  owner: "owner",
  admin: "tenant_admin",
  builder: "builder",
  viewer: "viewer",
} as const satisfies Record<MemberRole, HasuraRole>;
const MEMBER_ROLE = {
  owner: "owner",
  tenant_admin: "admin",
  builder: "builder",
  viewer: "viewer",
} as const satisfies Record<HasuraRole, MemberRole>;

/** The claim for a membership role. There is no way from here to the word `admin`. */
export function hasuraRole(role: MemberRole): HasuraRole {
  return HASURA_ROLE[role];
}

export function memberRole(role: HasuraRole): MemberRole {
  return MEMBER_ROLE[role];
}
