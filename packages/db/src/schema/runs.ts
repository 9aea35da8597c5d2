import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { actions } from "./catalogue.ts";
import { bytea, createdAt, digestLength, id, instant, jsonb, lengthBetween, updatedAt } from "./columns.ts";
import { webhookDeliveries } from "./deliveries.ts";
import { internal, runSource, runStatus, stepStatus } from "./enums.ts";
import { tenants, users } from "./tenancy.ts";
import { triggers, workflows, workflowVersions } from "./workflows.ts";

/** The truth about a run; a row in PENDING is the outbox. */
export const workflowRuns = pgTable(
  "workflow_runs",
  {
    id: id(),
    // A tenant's own by the key to the workflow's version.
    tenantId: uuid("tenant_id").notNull(),
    workflowId: uuid("workflow_id").notNull(),
    workflowVersionId: uuid("workflow_version_id").notNull(),
    status: runStatus("status").notNull().default("PENDING"),
    source: runSource("source").notNull(),
    triggerId: uuid("trigger_id"),
    webhookDeliveryId: uuid("webhook_delivery_id"),
    /** The slot, for source SCHEDULE. */
    scheduledFor: instant("scheduled_for"),
    retryOfRunId: uuid("retry_of_run_id"),
    idempotencyKey: text("idempotency_key"),
    input: jsonb("input").notNull().default(sql`'null'::jsonb`),
    output: jsonb("output"),
    error: jsonb("error"),
    attempt: integer("attempt").notNull().default(1),
    maxAttempts: integer("max_attempts").notNull(),
    /** Not dispatched before. */
    runAt: instant("run_at").notNull().defaultNow(),
    deadlineAt: instant("deadline_at").notNull(),
    queuedAt: instant("queued_at"),
    startedAt: instant("started_at"),
    finishedAt: instant("finished_at"),
    leaseTokenHash: bytea("lease_token_hash"),
    leaseExpiresAt: instant("lease_expires_at"),
    runnerId: text("runner_id"),
    lastEventSeq: integer("last_event_seq").notNull().default(0),
    /** Of the events of this attempt that wait in `run_event_buffer`, as JSON text; 0 = it holds none. */
    eventBufferBytes: integer("event_buffer_bytes").notNull().default(0),
    cancelRequestedAt: instant("cancel_requested_at"),
    cancelRequestedBy: uuid("cancel_requested_by").references(() => users.id, { onDelete: "set null" }),
    traceparent: text("traceparent"),
    /** Set by a database trigger on insert and on each visible change. */
    changeSeq: bigint("change_seq", { mode: "number" }).notNull().default(0),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    foreignKey({
      name: "workflow_runs_workflow_fk",
      columns: [t.tenantId, t.workflowId],
      foreignColumns: [workflows.tenantId, workflows.id],
    }).onDelete("restrict"),
    foreignKey({
      name: "workflow_runs_workflow_version_fk",
      columns: [t.tenantId, t.workflowId, t.workflowVersionId],
      foreignColumns: [workflowVersions.tenantId, workflowVersions.workflowId, workflowVersions.id],
    }),
    // The migration narrows the three keys below to `set null (<the id column>)`, which drizzle cannot say.
    foreignKey({
      name: "workflow_runs_trigger_fk",
      columns: [t.tenantId, t.triggerId],
      foreignColumns: [triggers.tenantId, triggers.id],
    }).onDelete("set null"),
    foreignKey({
      name: "workflow_runs_webhook_delivery_fk",
      columns: [t.tenantId, t.webhookDeliveryId],
      foreignColumns: [webhookDeliveries.tenantId, webhookDeliveries.id],
    }).onDelete("set null"),
    foreignKey({
      name: "workflow_runs_retry_of_run_fk",
      columns: [t.tenantId, t.retryOfRunId],
      foreignColumns: [t.tenantId, t.id],
    }).onDelete("set null"),
    unique("workflow_runs_tenant_id_id_key").on(t.tenantId, t.id),
    index("workflow_runs_tenant_list_idx").on(t.tenantId, t.createdAt.desc().nullsFirst(), t.id.desc().nullsFirst()),
    index("workflow_runs_workflow_list_idx").on(
      t.tenantId,
      t.workflowId,
      t.createdAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index("workflow_runs_status_list_idx").on(
      t.tenantId,
      t.status,
      t.createdAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index("workflow_runs_change_seq_idx").on(t.tenantId, t.changeSeq),
    index("workflow_runs_pending_idx").on(t.tenantId, t.runAt, t.id).where(sql`${t.status} = 'PENDING'`),
    index("workflow_runs_pending_deadline_idx").on(t.deadlineAt).where(sql`${t.status} = 'PENDING'`),
    index("workflow_runs_queued_idx").on(t.queuedAt).where(sql`${t.status} = 'QUEUED'`),
    index("workflow_runs_in_flight_idx")
      .on(t.tenantId, t.status)
      .where(sql`${t.status} in ('QUEUED', 'RUNNING', 'CANCELLING')`),
    uniqueIndex("workflow_runs_idempotency_key")
      .on(t.tenantId, t.workflowId, t.idempotencyKey)
      .where(sql`${t.idempotencyKey} is not null`),
    uniqueIndex("workflow_runs_slot_key").on(t.triggerId, t.scheduledFor).where(sql`${t.scheduledFor} is not null`),
    // One with source WEBHOOK, any number of replays. Also what deleting a delivery looks for.
    uniqueIndex("workflow_runs_delivery_key")
      .on(
        t.tenantId,
        t.webhookDeliveryId,
        sql`(case when ${t.source} = 'WEBHOOK' then ${t.webhookDeliveryId} else ${t.id} end)`,
      )
      .where(sql`${t.webhookDeliveryId} is not null`),
    index("workflow_runs_overlap_idx")
      .on(t.triggerId)
      .where(sql`${t.source} = 'SCHEDULE' and ${t.status} in ('PENDING', 'QUEUED', 'RUNNING', 'CANCELLING')`),
    index("workflow_runs_retry_of_run_id_idx").on(t.retryOfRunId).where(sql`${t.retryOfRunId} is not null`),
    check("workflow_runs_attempt_range", sql`${t.attempt} >= 1 and ${t.attempt} <= ${t.maxAttempts}`),
    lengthBetween("workflow_runs_idempotency_key_length", t.idempotencyKey, 1, 255),
    lengthBetween("workflow_runs_traceparent_length", t.traceparent, 1, 64),
    lengthBetween("workflow_runs_runner_id_length", t.runnerId, 1, 255),
    digestLength("workflow_runs_lease_token_hash_length", t.leaseTokenHash),
    check(
      "workflow_runs_finished_at_set",
      sql`(${t.status} in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')) = (${t.finishedAt} is not null)`,
    ),
    check(
      "workflow_runs_lease_held",
      sql`(${t.status} in ('RUNNING', 'CANCELLING')) = (${t.leaseExpiresAt} is not null)`,
    ),
  ],
);

export const stepRuns = pgTable(
  "step_runs",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    workflowRunId: uuid("workflow_run_id").notNull(),
    stepKey: text("step_key").notNull(),
    actionId: uuid("action_id")
      .notNull()
      .references(() => actions.id, { onDelete: "restrict" }),
    /** Topological order. */
    position: integer("position").notNull(),
    /** The run's attempt; 0 = copied from the run being retried. */
    attempt: integer("attempt").notNull(),
    status: stepStatus("status").notNull().default("PENDING"),
    input: jsonb("input"),
    output: jsonb("output"),
    error: jsonb("error"),
    startedAt: instant("started_at"),
    finishedAt: instant("finished_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    foreignKey({
      name: "step_runs_workflow_run_fk",
      columns: [t.tenantId, t.workflowRunId],
      foreignColumns: [workflowRuns.tenantId, workflowRuns.id],
    }).onDelete("cascade"),
    unique("step_runs_workflow_run_id_step_key_attempt_key").on(t.workflowRunId, t.stepKey, t.attempt),
    index("step_runs_run_list_idx").on(t.tenantId, t.workflowRunId, t.position, t.attempt),
    check("step_runs_attempt_range", sql`${t.attempt} >= 0`),
    lengthBetween("step_runs_step_key_length", t.stepKey, 1, 63),
  ],
);

/** Events of a runner that arrived ahead of a gap. */
export const runEventBuffer = internal.table(
  "run_event_buffer",
  {
    workflowRunId: uuid("workflow_run_id")
      .notNull()
      .references(() => workflowRuns.id, { onDelete: "cascade" }),
    attempt: integer("attempt").notNull(),
    seq: integer("seq").notNull(),
    event: jsonb("event").notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ name: "run_event_buffer_pkey", columns: [t.workflowRunId, t.attempt, t.seq] })],
);
