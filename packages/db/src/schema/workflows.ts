import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import {
  bytea,
  createdAt,
  descriptionLength,
  id,
  instant,
  jsonb,
  lengthBetween,
  matches,
  nameLength,
  numberBetween,
  updatedAt,
} from "./columns.ts";
import { catchUpPolicy, overlapPolicy, signatureScheme, triggerType } from "./enums.ts";
import { tenants, users } from "./tenancy.ts";

export const workflows = pgTable(
  "workflows",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    name: text("name").notNull(),
    description: text("description"),
    archivedAt: instant("archived_at"),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("workflows_tenant_id_id_key").on(t.tenantId, t.id),
    uniqueIndex("workflows_tenant_id_name_key")
      .on(t.tenantId, sql`lower(${t.name})`)
      .where(sql`${t.archivedAt} is null`),
    index("workflows_tenant_list_idx").on(t.tenantId, t.createdAt.desc().nullsFirst(), t.id.desc().nullsFirst()),
    nameLength("workflows_name_length", t.name),
    descriptionLength("workflows_description_length", t.description),
  ],
);

export const workflowVersions = pgTable(
  "workflow_versions",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    workflowId: uuid("workflow_id").notNull(),
    /** Gapless per workflow, set by a database trigger whatever is given. */
    version: integer("version").notNull().default(0),
    definition: jsonb("definition").notNull(),
    /** Hex SHA-256 of `definition::text`, set by a database trigger. */
    contentHash: text("content_hash").notNull().default(""),
    isLatest: boolean("is_latest").notNull().default(false),
    publishedAt: instant("published_at"),
    publishedBy: uuid("published_by").references(() => users.id, { onDelete: "set null" }),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    foreignKey({
      name: "workflow_versions_workflow_fk",
      columns: [t.tenantId, t.workflowId],
      foreignColumns: [workflows.tenantId, workflows.id],
    }).onDelete("cascade"),
    unique("workflow_versions_workflow_id_version_key").on(t.workflowId, t.version),
    unique("workflow_versions_tenant_id_workflow_id_id_key").on(t.tenantId, t.workflowId, t.id),
    uniqueIndex("workflow_versions_latest_key").on(t.workflowId).where(sql`${t.isLatest}`),
    uniqueIndex("workflow_versions_draft_key").on(t.workflowId).where(sql`${t.publishedAt} is null`),
    check("workflow_versions_latest_is_published", sql`not ${t.isLatest} or ${t.publishedAt} is not null`),
    check("workflow_versions_definition_size", sql`octet_length(${t.definition}::text) <= 262144`),
  ],
);

export const triggers = pgTable(
  "triggers",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    workflowId: uuid("workflow_id").notNull(),
    name: text("name").notNull(),
    type: triggerType("type").notNull(),
    enabled: boolean("enabled").notNull().default(true),
    webhookPath: text("webhook_path"),
    signatureScheme: signatureScheme("signature_scheme"),
    signatureConfig: jsonb("signature_config"),
    toleranceSeconds: integer("tolerance_seconds"),
    webhookSecretCipher: bytea("webhook_secret_cipher"),
    webhookSecretPreviousCipher: bytea("webhook_secret_previous_cipher"),
    webhookSecretPreviousExpiresAt: instant("webhook_secret_previous_expires_at"),
    rejectedCount: bigint("rejected_count", { mode: "number" }).notNull().default(0),
    lastRejectedAt: instant("last_rejected_at"),
    lastRejectionReason: text("last_rejection_reason"),
    cron: text("cron"),
    timezone: text("timezone"),
    overlapPolicy: overlapPolicy("overlap_policy"),
    catchUpPolicy: catchUpPolicy("catch_up_policy"),
    nextFireAt: instant("next_fire_at"),
    lastFiredAt: instant("last_fired_at"),
    skippedCount: integer("skipped_count").notNull().default(0),
    lastSkippedAt: instant("last_skipped_at"),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    foreignKey({
      name: "triggers_workflow_fk",
      columns: [t.tenantId, t.workflowId],
      foreignColumns: [workflows.tenantId, workflows.id],
    }).onDelete("cascade"),
    unique("triggers_tenant_id_id_key").on(t.tenantId, t.id),
    unique("triggers_webhook_path_key").on(t.webhookPath),
    index("triggers_tenant_id_workflow_id_idx").on(t.tenantId, t.workflowId),
    index("triggers_next_fire_at_idx").on(t.nextFireAt).where(sql`${t.enabled} and ${t.type} = 'SCHEDULE'`),
    nameLength("triggers_name_length", t.name),
    matches("triggers_webhook_path_form", t.webhookPath, "^[A-Za-z0-9_-]{22}$"),
    numberBetween("triggers_tolerance_seconds_range", t.toleranceSeconds, 30, 900),
    lengthBetween("triggers_cron_length", t.cron, 1, 200),
    lengthBetween("triggers_timezone_length", t.timezone, 1, 64),
    lengthBetween("triggers_last_rejection_reason_length", t.lastRejectionReason, 1, 64),
    check(
      "triggers_webhook_columns",
      sql`case when ${t.type} = 'WEBHOOK'
        then num_nulls(${t.webhookPath}, ${t.signatureScheme}, ${t.signatureConfig}, ${t.toleranceSeconds}) = 0
          and (${t.signatureScheme} = 'NONE' or ${t.webhookSecretCipher} is not null)
        else num_nonnulls(${t.webhookPath}, ${t.signatureScheme}, ${t.signatureConfig}, ${t.toleranceSeconds},
            ${t.webhookSecretCipher}, ${t.webhookSecretPreviousCipher}, ${t.webhookSecretPreviousExpiresAt},
            ${t.lastRejectedAt}, ${t.lastRejectionReason}) = 0
          and ${t.rejectedCount} = 0
        end`,
    ),
    check(
      "triggers_schedule_columns",
      sql`case when ${t.type} = 'SCHEDULE'
        then num_nulls(${t.cron}, ${t.timezone}, ${t.overlapPolicy}, ${t.catchUpPolicy}) = 0
        else num_nonnulls(${t.cron}, ${t.timezone}, ${t.overlapPolicy}, ${t.catchUpPolicy},
            ${t.nextFireAt}, ${t.lastFiredAt}, ${t.lastSkippedAt}) = 0
          and ${t.skippedCount} = 0
        end`,
    ),
  ],
);
