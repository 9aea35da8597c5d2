import {
  auditEvents,
  connections,
  type Database,
  invitations,
  memberships,
  tenants,
  workflowRuns,
} from "@control-plane/db";
import { asc, eq } from "drizzle-orm";
import { uniqueSlug } from "../unique.ts";
import { type AppOptions, addApp, type TestApp } from "./app.ts";
import { findCatalogueAction } from "./definition.ts";
import { only } from "./only.ts";
import { addUser, type MemberRole, type TestUser, type UserOptions } from "./user.ts";
import { addWorkflow, type TestWorkflow, type WorkflowOptions } from "./workflow.ts";

type ConnectionRow = typeof connections.$inferSelect;

export type TestTenant = {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  user(role: MemberRole, options?: UserOptions): Promise<TestUser>;
  app(options?: AppOptions): Promise<TestApp>;
  /** To the seeded github app unless `appVersionId` is given; without a secret unless `secretCipher` is. */
  connection(options?: Partial<typeof connections.$inferInsert>): Promise<ConnectionRow>;
  /** With a published version, unless `published: false`. */
  workflow(options?: WorkflowOptions): Promise<TestWorkflow>;
  /** Rows of the tenant, oldest first. */
  invitations(): Promise<(typeof invitations.$inferSelect)[]>;
  memberships(): Promise<(typeof memberships.$inferSelect)[]>;
  runs(): Promise<(typeof workflowRuns.$inferSelect)[]>;
  /** The trail of the tenant, oldest first. */
  audit(): Promise<(typeof auditEvents.$inferSelect)[]>;
};

export type TenantOptions = Partial<typeof tenants.$inferInsert>;

export async function addTenant(db: Database, options: TenantOptions = {}): Promise<TestTenant> {
  const slug = options.slug ?? uniqueSlug("tenant");
  const { id, name } = only(
    await db
      .insert(tenants)
      .values({ name: slug, ...options, slug })
      .returning(),
  );
  return {
    id,
    slug,
    name,
    user: (role, user) => addUser(db, id, role, user),
    app: (app) => addApp(db, id, app),
    connection: (connection) => addConnection(db, id, connection),
    workflow: (workflow) => addWorkflow(db, id, workflow),
    invitations: () => db.select().from(invitations).where(eq(invitations.tenantId, id)).orderBy(asc(invitations.id)),
    memberships: () => db.select().from(memberships).where(eq(memberships.tenantId, id)).orderBy(asc(memberships.id)),
    runs: () => db.select().from(workflowRuns).where(eq(workflowRuns.tenantId, id)).orderBy(asc(workflowRuns.id)),
    audit: () => db.select().from(auditEvents).where(eq(auditEvents.tenantId, id)).orderBy(asc(auditEvents.id)),
  };
}

async function addConnection(
  db: Database,
  tenantId: string,
  options: Partial<typeof connections.$inferInsert> = {},
): Promise<ConnectionRow> {
  const appVersionId = options.appVersionId ?? (await findCatalogueAction(db, "github.get_repository")).appVersionId;
  return only(
    await db
      .insert(connections)
      .values({ name: uniqueSlug("connection"), ...options, tenantId, appVersionId })
      .returning(),
  );
}
