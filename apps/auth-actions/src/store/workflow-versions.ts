import {
  actions,
  apps,
  appVersions,
  connections,
  type Queryable,
  workflows,
  workflowVersions,
} from "@control-plane/db";
import { type ActionFacts, type ConnectionFacts, jsonValueSchema } from "@control-plane/runs";
import { and, eq, inArray, isNull, or, sql } from "drizzle-orm";
import { z } from "zod";

export type VersionRow = {
  id: string;
  version: number;
  definition: unknown;
  contentHash: string;
  isLatest: boolean;
  publishedAt: Date | null;
};
export type WorkflowVersions = { archived: boolean; versions: readonly VersionRow[] };

/** A workflow with the versions that publishing looks at: the draft, the latest, and the one named. Undefined: not the tenant's. */
export async function readWorkflowVersions(
  db: Queryable,
  tenantId: string,
  workflowId: string,
  version: number | undefined,
): Promise<WorkflowVersions | undefined> {
  const [workflow] = await db
    .select({ archivedAt: workflows.archivedAt })
    .from(workflows)
    .where(and(eq(workflows.tenantId, tenantId), eq(workflows.id, workflowId)));
  if (workflow === undefined) return undefined;
  const wanted = [
    isNull(workflowVersions.publishedAt),
    eq(workflowVersions.isLatest, true),
    ...(version === undefined ? [] : [eq(workflowVersions.version, version)]),
  ];
  const versions = await db
    .select({
      id: workflowVersions.id,
      version: workflowVersions.version,
      definition: workflowVersions.definition,
      contentHash: workflowVersions.contentHash,
      isLatest: workflowVersions.isLatest,
      publishedAt: workflowVersions.publishedAt,
    })
    .from(workflowVersions)
    .where(and(eq(workflowVersions.tenantId, tenantId), eq(workflowVersions.workflowId, workflowId), or(...wanted)));
  return { archived: workflow.archivedAt !== null, versions };
}

/**
 * Makes publishers of one workflow take turns until the transaction ends; runs are created meanwhile.
 * @returns whether the tenant has the workflow
 */
export async function lockWorkflow(tx: Queryable, tenantId: string, workflowId: string): Promise<boolean> {
  const locked = await tx
    .select({ id: workflows.id })
    .from(workflows)
    .where(and(eq(workflows.tenantId, tenantId), eq(workflows.id, workflowId)))
    .for("no key update");
  return locked.length > 0;
}

/**
 * Moves `is_latest` to the version and publishes it if it was a draft; a first publication date stays. One statement: the
 * unique index wants the old one cleared first, and the audit trigger must see who takes over.
 * @returns undefined when the version is not the one that was read any more: saving a draft takes no lock
 */
export async function makeLatest(
  tx: Queryable,
  scope: { tenantId: string; workflowId: string; userId: string },
  version: Pick<VersionRow, "id" | "contentHash">,
): Promise<Date | undefined> {
  const ofWorkflow = sql`tenant_id = ${scope.tenantId}::uuid and workflow_id = ${scope.workflowId}::uuid`;
  const { rows } = await tx.execute(sql`
    with cleared as (
      update workflow_versions set is_latest = false
       where ${ofWorkflow} and is_latest and id <> ${version.id}::uuid
      returning 1)
    update workflow_versions
       set is_latest = true,
           published_by = case when published_at is null then ${scope.userId}::uuid else published_by end,
           published_at = coalesce(published_at, now())
     where ${ofWorkflow} and id = ${version.id}::uuid and content_hash = ${version.contentHash}
       and (select count(*) from cleared) >= 0
    returning published_at`);
  return madeLatestSchema.parse(rows)[0]?.published_at;
}

const madeLatestSchema = z.array(z.object({ published_at: z.coerce.date() }));

/** @returns the number of the version that was the latest */
export async function clearLatest(tx: Queryable, tenantId: string, workflowId: string): Promise<number | undefined> {
  const [cleared] = await tx
    .update(workflowVersions)
    .set({ isLatest: false })
    .where(
      and(
        eq(workflowVersions.tenantId, tenantId),
        eq(workflowVersions.workflowId, workflowId),
        eq(workflowVersions.isLatest, true),
      ),
    )
    .returning({ version: workflowVersions.version });
  return cleared?.version;
}

/** What the tenant may use of the actions a definition names. */
export async function readActionFacts(
  db: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ActionFacts>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({
      id: actions.id,
      publishedAt: appVersions.publishedAt,
      appId: apps.id,
      authType: appVersions.authType,
      inputSchema: actions.inputSchema,
      outputSchema: actions.outputSchema,
    })
    .from(actions)
    .innerJoin(appVersions, eq(appVersions.id, actions.appVersionId))
    .innerJoin(apps, eq(apps.id, appVersions.appId))
    .where(and(inArray(actions.id, [...ids]), or(isNull(actions.tenantId), eq(actions.tenantId, tenantId))));
  return new Map(
    rows.map((row) => [
      row.id,
      {
        published: row.publishedAt !== null,
        appId: row.appId,
        authType: row.authType,
        inputSchema: jsonValueSchema.parse(row.inputSchema),
        outputSchema: jsonValueSchema.parse(row.outputSchema),
      },
    ]),
  );
}

/** The tenant's connections among the ids. */
export async function readConnectionFacts(
  db: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ConnectionFacts>> {
  if (ids.length === 0) return new Map();
  const rows = await selectConnectionFacts(db, tenantId, ids);
  return new Map(rows.map(({ id, appId, authType }) => [id, { appId, authType }]));
}

/** The same, and they stay until the transaction ends: a connection is not deleted while a version that uses it is published. */
export async function lockConnections(
  tx: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ConnectionFacts>> {
  if (ids.length === 0) return new Map();
  const rows = await selectConnectionFacts(tx, tenantId, ids)
    .orderBy(connections.id)
    .for("key share", { of: connections });
  return new Map(rows.map(({ id, appId, authType }) => [id, { appId, authType }]));
}

function selectConnectionFacts(db: Queryable, tenantId: string, ids: readonly string[]) {
  return db
    .select({ id: connections.id, appId: appVersions.appId, authType: appVersions.authType })
    .from(connections)
    .innerJoin(appVersions, eq(appVersions.id, connections.appVersionId))
    .where(and(eq(connections.tenantId, tenantId), inArray(connections.id, [...ids])));
}
