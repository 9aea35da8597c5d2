import { type Queryable, triggers, workflows, workflowVersions } from "@control-plane/db";
import { and, eq, isNull, sql } from "drizzle-orm";
import type { SchemeName } from "../domain/schemes/scheme.ts";

/** How requests to a trigger are signed, as stored. */
export type TriggerSigning = {
  id: string;
  tenantId: string;
  scheme: string;
  /** As stored; the scheme says whether it fits. */
  config: unknown;
  toleranceSeconds: number;
  secret: Buffer | undefined;
  previousSecret: Buffer | undefined;
  /** Unix seconds, exclusive. */
  previousSecretExpiresAt: number | undefined;
};

/** A trigger that receives is enabled, its workflow not archived and with a latest version. */
export type TriggerLookup =
  | { kind: "receiving"; trigger: TriggerSigning }
  | { kind: "not-receiving"; triggerId: string }
  | { kind: "unknown" };

/** By path, which is unique over all tenants: the only query of the product that may not name one. */
export async function findTriggerByPath(db: Queryable, webhookPath: string): Promise<TriggerLookup> {
  const [row] = await db
    .select({
      enabled: triggers.enabled,
      archivedAt: workflows.archivedAt,
      latestVersionId: workflowVersions.id,
      ...signingColumns,
    })
    .from(triggers)
    .innerJoin(workflows, and(eq(workflows.tenantId, triggers.tenantId), eq(workflows.id, triggers.workflowId)))
    .leftJoin(workflowVersions, and(eq(workflowVersions.workflowId, workflows.id), workflowVersions.isLatest))
    .where(and(eq(triggers.webhookPath, webhookPath), eq(triggers.type, "WEBHOOK")));
  if (row === undefined) return { kind: "unknown" };
  if (!row.enabled || row.archivedAt !== null || row.latestVersionId === null)
    return { kind: "not-receiving", triggerId: row.id };
  return { kind: "receiving", trigger: signingOf(row) };
}

export type WebhookTrigger = TriggerSigning & { webhookPath: string };

/** Of a tenant, whether it receives or not. */
export async function findWebhookTrigger(
  db: Queryable,
  tenantId: string,
  triggerId: string,
): Promise<WebhookTrigger | undefined> {
  const [row] = await db
    .select({ webhookPath: triggers.webhookPath, ...signingColumns })
    .from(triggers)
    .where(and(eq(triggers.tenantId, tenantId), eq(triggers.id, triggerId), eq(triggers.type, "WEBHOOK")));
  return row === undefined ? undefined : { webhookPath: row.webhookPath ?? "", ...signingOf(row) };
}

/**
 * Undefined when the trigger's secret is no longer the one that was read; then nothing is written. The end of the previous
 * secret is the database's time.
 */
export async function replaceSecret(
  db: Queryable,
  present: Pick<TriggerSigning, "id" | "tenantId" | "secret">,
  { next, previous, graceSeconds }: { next: Buffer; previous: Buffer | undefined; graceSeconds: number },
): Promise<{ previousExpiresAt: Date | null } | undefined> {
  const isUnchanged =
    present.secret === undefined
      ? isNull(triggers.webhookSecretCipher)
      : eq(triggers.webhookSecretCipher, present.secret);
  const [row] = await db
    .update(triggers)
    .set({
      webhookSecretCipher: next,
      webhookSecretPreviousCipher: previous ?? null,
      webhookSecretPreviousExpiresAt:
        previous === undefined ? null : sql`now() + make_interval(secs => ${graceSeconds}::int)`,
    })
    .where(and(eq(triggers.tenantId, present.tenantId), eq(triggers.id, present.id), isUnchanged))
    .returning({ previousExpiresAt: triggers.webhookSecretPreviousExpiresAt });
  return row;
}

const signingColumns = {
  id: triggers.id,
  tenantId: triggers.tenantId,
  scheme: triggers.signatureScheme,
  config: triggers.signatureConfig,
  toleranceSeconds: triggers.toleranceSeconds,
  secret: triggers.webhookSecretCipher,
  previousSecret: triggers.webhookSecretPreviousCipher,
  previousSecretExpiresAt: triggers.webhookSecretPreviousExpiresAt,
} as const;

type Stored = typeof triggers.$inferSelect;
type SigningRow = {
  id: string;
  tenantId: string;
  scheme: Stored["signatureScheme"];
  config: unknown;
  toleranceSeconds: number | null;
  secret: Buffer | null;
  previousSecret: Buffer | null;
  previousSecretExpiresAt: Date | null;
};

function signingOf(row: SigningRow): TriggerSigning {
  return {
    id: row.id,
    tenantId: row.tenantId,
    scheme: row.scheme ?? "",
    config: row.config,
    toleranceSeconds: row.toleranceSeconds ?? 300,
    secret: row.secret ?? undefined,
    previousSecret: row.previousSecret ?? undefined,
    previousSecretExpiresAt:
      row.previousSecretExpiresAt === null ? undefined : row.previousSecretExpiresAt.getTime() / 1000,
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
  scheme: SchemeName;
  config: object;
  toleranceSeconds: number;
  /** Undefined for a scheme without one. */
  secret: Buffer | undefined;
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
    signatureConfig: trigger.config,
    toleranceSeconds: trigger.toleranceSeconds,
    webhookSecretCipher: trigger.secret ?? null,
    createdBy: trigger.createdBy,
  });
  return true;
}
