import { randomBytes } from "node:crypto";
import { createDatabase } from "@control-plane/db";
import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";
import type { TestUser } from "@control-plane/testkit";
import { createTestKeys } from "@control-plane/testkit/test-keys";
import { createWorld } from "@control-plane/testkit/world";
import pg from "pg";
import { addMember, buildMirroredTenant, type MirroredTenant } from "../test/tenancy/mirrored-tenant.ts";

export type Tenants = {
  /** Whose members ask. */
  readonly mine: MirroredTenant;
  readonly theirs: MirroredTenant;
  /** Of `mine`: removed, or with another role by now. */
  readonly former: Readonly<Record<HasuraRole, readonly TestUser[]>>;
};

/** Two mirrored tenants in a database, and a viewer of mine who is one of theirs too. */
export async function addTenants(databaseUrl: string): Promise<Tenants> {
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  const database = createDatabase({ url: databaseUrl, poolMax: 2, applicationName: "fuzz", work: "command" });
  try {
    const world = createWorld(database.db);
    const keys = createTestKeys(database.db);
    const tag = randomBytes(4).toString("hex");
    const mine = await buildMirroredTenant(sql, world, keys, `mine-${tag}`);
    const theirs = await buildMirroredTenant(sql, world, keys, `theirs-${tag}`);
    await theirs.tenant.user("builder", { existing: mine.users.viewer });
    const former = new Map<HasuraRole, TestUser[]>();
    for (const role of HASURA_ROLES) former.set(role, await addFormerMembers(sql, mine, role));
    const of = (role: HasuraRole): TestUser[] => former.get(role) ?? [];
    return {
      mine,
      theirs,
      former: {
        owner: of("owner"),
        tenant_admin: of("tenant_admin"),
        builder: of("builder"),
        viewer: of("viewer"),
      },
    };
  } finally {
    await sql.end();
    await database.close();
  }
}

async function addFormerMembers(sql: pg.Pool, { tenant, mark }: MirroredTenant, role: HasuraRole): Promise<TestUser[]> {
  const removed = await addMember(tenant, mark, role);
  await sql.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
    removed.membershipId,
  ]);
  const changed = await addMember(tenant, mark, role);
  await sql.query("update memberships set role = $2 where id = $1", [
    changed.membershipId,
    role === "viewer" ? "builder" : "viewer",
  ]);
  return [removed, changed];
}
