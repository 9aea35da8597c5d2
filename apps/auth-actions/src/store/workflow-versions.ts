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

/** Makes publishers of one workflow take turns until the transaction ends. */
export async function lockWorkflow(tx: Queryable, tenantId: string, workflowId: string): Promise<void> {
  await tx
    .select({ id: workflows.id })
    .from(workflows)
    .where(and(eq(workflows.tenantId, tenantId), eq(workflows.id, workflowId)))
    .for("update");
}

/** Moves `is_latest` to the version and publishes it if it was a draft; a first publication date stays. */
export async function makeLatest(
  tx: Queryable,
  tenantId: string,
  workflowId: string,
  versionId: string,
  userId: string,
): Promise<Date> {
  // The unique index on the latest version is checked row by row, so the old one goes first.
  await tx
    .update(workflowVersions)
    .set({ isLatest: false })
    .where(
      and(
        eq(workflowVersions.tenantId, tenantId),
        eq(workflowVersions.workflowId, workflowId),
        eq(workflowVersions.isLatest, true),
      ),
    );
  const [row] = await tx
    .update(workflowVersions)
    .set({
      isLatest: true,
      publishedAt: sql`coalesce(${workflowVersions.publishedAt}, now())`,
      publishedBy: sql`case when ${workflowVersions.publishedAt} is null then ${userId}::uuid else ${workflowVersions.publishedBy} end`,
    })
    .where(and(eq(workflowVersions.tenantId, tenantId), eq(workflowVersions.id, versionId)))
    .returning({ publishedAt: workflowVersions.publishedAt });
  if (row?.publishedAt == null) throw new Error("the version is gone although its workflow is locked");
  return row.publishedAt;
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
  const rows = await db
    .select({ id: connections.id, appId: appVersions.appId, authType: appVersions.authType })
    .from(connections)
    .innerJoin(appVersions, eq(appVersions.id, connections.appVersionId))
    .where(and(eq(connections.tenantId, tenantId), inArray(connections.id, [...ids])));
  return new Map(rows.map(({ id, appId, authType }) => [id, { appId, authType }]));
}
