import { type Queryable, triggers, workflows, workflowVersions } from "@control-plane/db";
import { and, eq, isNull, sql } from "drizzle-orm";

/** What intake needs of a trigger that receives: enabled, its workflow not archived and with a latest version. */
export type ReceivingTrigger = {
  id: string;
  tenantId: string;
  scheme: string;
  toleranceSeconds: number;
  secret: Buffer | undefined;
  previousSecret: Buffer | undefined;
  /** Unix seconds, exclusive. */
  previousSecretExpiresAt: number | undefined;
};

export type TriggerLookup =
  | { kind: "receiving"; trigger: ReceivingTrigger }
  | { kind: "not-receiving"; triggerId: string }
  | { kind: "unknown" };

/** By path, which is unique over all tenants: the only query of the product that may not name one. */
export async function findTriggerByPath(db: Queryable, webhookPath: string): Promise<TriggerLookup> {
  const [row] = await db
    .select({
      id: triggers.id,
      tenantId: triggers.tenantId,
      enabled: triggers.enabled,
      archivedAt: workflows.archivedAt,
      latestVersionId: workflowVersions.id,
      scheme: triggers.signatureScheme,
      toleranceSeconds: triggers.toleranceSeconds,
      secret: triggers.webhookSecretCipher,
      previousSecret: triggers.webhookSecretPreviousCipher,
      previousSecretExpiresAt: triggers.webhookSecretPreviousExpiresAt,
    })
    .from(triggers)
    .innerJoin(workflows, and(eq(workflows.tenantId, triggers.tenantId), eq(workflows.id, triggers.workflowId)))
    .leftJoin(workflowVersions, and(eq(workflowVersions.workflowId, workflows.id), workflowVersions.isLatest))
    .where(and(eq(triggers.webhookPath, webhookPath), eq(triggers.type, "WEBHOOK")));
  if (row === undefined) return { kind: "unknown" };
  if (!row.enabled || row.archivedAt !== null || row.latestVersionId === null)
    return { kind: "not-receiving", triggerId: row.id };
  return {
    kind: "receiving",
    trigger: {
      id: row.id,
      tenantId: row.tenantId,
      scheme: row.scheme ?? "",
      toleranceSeconds: row.toleranceSeconds ?? 300,
      secret: row.secret ?? undefined,
      previousSecret: row.previousSecret ?? undefined,
      previousSecretExpiresAt:
        row.previousSecretExpiresAt === null ? undefined : row.previousSecretExpiresAt.getTime() / 1000,
    },
  };
}

export type RejectionCount = { triggerId: string; count: number; reason: string };

/** Adds up refusals that were counted in memory; many tenants in one statement, no audited column. */
export async function addRejections(db: Queryable, counts: readonly RejectionCount[]): Promise<void> {
  if (counts.length === 0) return;
  await db.execute(sql`
    update triggers t
       set rejected_count = t.rejected_count + i.count, last_rejected_at = now(), last_rejection_reason = i.reason
      from unnest(
        ${sql.param(counts.map(({ triggerId }) => triggerId))}::uuid[],
        ${sql.param(counts.map(({ count }) => count))}::bigint[],
        ${sql.param(counts.map(({ reason }) => reason))}::text[]) as i(id, count, reason)
     where t.id = i.id`);
}

export type NewWebhookTrigger = {
  id: string;
  tenantId: string;
  workflowId: string;
  name: string;
  enabled: boolean;
  webhookPath: string;
  scheme: "STANDARD_WEBHOOKS";
  toleranceSeconds: number;
  secret: Buffer;
  createdBy: string;
};

/** False when the workflow is not the tenant's or is archived; then nothing is written. */
export async function insertWebhookTrigger(db: Queryable, trigger: NewWebhookTrigger): Promise<boolean> {
  const [workflow] = await db
    .select({ id: workflows.id })
    .from(workflows)
    .where(
      and(eq(workflows.tenantId, trigger.tenantId), eq(workflows.id, trigger.workflowId), isNull(workflows.archivedAt)),
    );
  if (workflow === undefined) return false;
  await db.insert(triggers).values({
    id: trigger.id,
    tenantId: trigger.tenantId,
    workflowId: trigger.workflowId,
    name: trigger.name,
    type: "WEBHOOK",
    enabled: trigger.enabled,
    webhookPath: trigger.webhookPath,
    signatureScheme: trigger.scheme,
    signatureConfig: {},
    toleranceSeconds: trigger.toleranceSeconds,
    webhookSecretCipher: trigger.secret,
    createdBy: trigger.createdBy,
  });
  return true;
}
