/** The roles of a membership, as the database, the arguments of the API and the audit trail name them. */
export const MEMBER_ROLES = ["owner", "admin", "builder", "viewer"] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/** The same roles in tokens and metadata. Hasura's own `admin` bypasses every permission, so a tenant's admin is called something else there. */
export const HASURA_ROLES = ["owner", "tenant_admin", "builder", "viewer"] as const;
export type HasuraRole = (typeof HASURA_ROLES)[number];

/** Hasura's role for a request without a token. */
export const ANONYMOUS_ROLE = "anonymous";

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

export function isHasuraRole(text: string): text is HasuraRole {
  return HASURA_ROLES.some((role) => role === text);
}
