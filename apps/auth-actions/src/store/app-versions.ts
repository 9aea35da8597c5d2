import { actions, apps, appVersions, type Queryable } from "@control-plane/db";
import type { StoredAction, StoredAppVersion } from "@control-plane/runs";
import { and, asc, eq, isNull, sql } from "drizzle-orm";
import { z } from "zod";

export type AppVersionRow = StoredAppVersion & {
  id: string;
  version: string;
  isLatest: boolean;
  publishedAt: Date | null;
};

/** Makes publishers of one app of the tenant take turns until the transaction ends. @returns whether the tenant has the app */
export async function lockApp(tx: Queryable, tenantId: string, appId: string): Promise<boolean> {
  const locked = await tx
    .select({ id: apps.id })
    .from(apps)
    .where(and(eq(apps.tenantId, tenantId), eq(apps.id, appId)))
    .for("no key update");
  return locked.length > 0;
}

export async function hasApp(db: Queryable, tenantId: string, appId: string): Promise<boolean> {
  const found = await db
    .select({ id: apps.id })
    .from(apps)
    .where(and(eq(apps.tenantId, tenantId), eq(apps.id, appId)));
  return found.length > 0;
}

/** The version named, or at most two of those that are not published. */
export async function findAppVersions(
  db: Queryable,
  tenantId: string,
  appId: string,
  version: string | undefined,
): Promise<AppVersionRow[]> {
  return db
    .select({
      id: appVersions.id,
      version: appVersions.version,
      isLatest: appVersions.isLatest,
      publishedAt: appVersions.publishedAt,
      authType: appVersions.authType,
      authConfig: appVersions.authConfig,
      baseUrl: appVersions.baseUrl,
      allowedHosts: appVersions.allowedHosts,
      testRequest: appVersions.testRequest,
    })
    .from(appVersions)
    .where(
      and(
        eq(appVersions.tenantId, tenantId),
        eq(appVersions.appId, appId),
        version === undefined ? isNull(appVersions.publishedAt) : eq(appVersions.version, version),
      ),
    )
    .limit(2);
}

/** Nobody changes the version or its actions until the transaction ends. */
export async function lockAppVersion(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx
    .select({ id: appVersions.id })
    .from(appVersions)
    .where(and(eq(appVersions.tenantId, tenantId), eq(appVersions.id, id)))
    .for("update");
}

const sizeSchema = z.tuple([z.object({ count: z.coerce.number(), bytes: z.coerce.number() })]);

/** How much there is to read of a version's actions. */
export async function measureActions(
  db: Queryable,
  tenantId: string,
  appVersionId: string,
): Promise<{ count: number; bytes: number }> {
  const { rows } = await db.execute(sql`
    select count(*) as count,
           coalesce(sum(octet_length(input_schema::text) + octet_length(output_schema::text) + coalesce(octet_length(request::text), 0)), 0) as bytes
      from actions where tenant_id = ${tenantId}::uuid and app_version_id = ${appVersionId}::uuid`);
  return sizeSchema.parse(rows)[0];
}

/** In the order that problems count them in. */
export async function readStoredActions(
  db: Queryable,
  tenantId: string,
  appVersionId: string,
): Promise<StoredAction[]> {
  return db
    .select({
      key: actions.key,
      inputSchema: actions.inputSchema,
      outputSchema: actions.outputSchema,
      request: actions.request,
    })
    .from(actions)
    .where(and(eq(actions.tenantId, tenantId), eq(actions.appVersionId, appVersionId)))
    .orderBy(asc(actions.position), asc(actions.key));
}

const publishedSchema = z.array(z.object({ published_at: z.coerce.date(), is_latest: z.boolean() }));

/**
 * Publishes a draft. It becomes the latest unless a higher version is published. One statement, in which the old latest
 * gives way first: the unique index wants that, and the audit trigger must see who takes over.
 * @returns undefined when the version is published already
 */
export async function publishDraft(
  tx: Queryable,
  scope: { tenantId: string; appId: string; userId: string },
  appVersionId: string,
): Promise<{ publishedAt: Date; isLatest: boolean } | undefined> {
  const ofApp = sql`tenant_id = ${scope.tenantId}::uuid and app_id = ${scope.appId}::uuid`;
  const { rows } = await tx.execute(sql`
    with draft as (
      select id, version_order from app_versions where ${ofApp} and id = ${appVersionId}::uuid and published_at is null),
    higher as (
      select 1 from app_versions where ${ofApp} and published_at is not null
         and version_order > (select version_order from draft)),
    cleared as (
      update app_versions set is_latest = false
       where ${ofApp} and is_latest and exists (select 1 from draft) and not exists (select 1 from higher)
      returning 1),
    app as (
      update apps set status = 'PUBLISHED'
       where tenant_id = ${scope.tenantId}::uuid and id = ${scope.appId}::uuid and status <> 'PUBLISHED'
         and exists (select 1 from draft))
    update app_versions
       set published_at = now(), published_by = ${scope.userId}::uuid, is_latest = not exists (select 1 from higher)
     where ${ofApp} and id = (select id from draft) and published_at is null and (select count(*) from cleared) >= 0
    returning published_at, is_latest`);
  const [row] = publishedSchema.parse(rows);
  return row === undefined ? undefined : { publishedAt: row.published_at, isLatest: row.is_latest };
}
