import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { createdAt, id, instant, jsonb, lengthBetween, updatedAt } from "./columns.ts";
import { actorType, auditOutcome, deadLetterKind, deadLetterStatus } from "./enums.ts";
import { tenants, users } from "./tenancy.ts";

/** Append-only. No foreign keys: the trail outlives its subjects. */
export const auditEvents = pgTable(
  "audit_events",
  {
    id: id(),
    tenantId: uuid("tenant_id"),
    occurredAt: instant("occurred_at").notNull().defaultNow(),
    actorType: actorType("actor_type").notNull(),
    actorId: uuid("actor_id"),
    actorRole: text("actor_role"),
    action: text("action").notNull(),
    targetType: text("target_type").notNull(),
    targetId: uuid("target_id"),
    changes: jsonb("changes"),
    outcome: auditOutcome("outcome").notNull(),
    source: text("source").notNull(),
    requestId: text("request_id"),
    traceId: text("trace_id"),
    createdAt: createdAt(),
  },
  (t) => [
    index("audit_events_trail_idx").on(t.tenantId, t.occurredAt.desc().nullsFirst(), t.id.desc().nullsFirst()),
    index("audit_events_target_idx").on(t.tenantId, t.targetType, t.targetId, t.occurredAt.desc().nullsFirst()),
    index("audit_events_actor_idx").on(t.tenantId, t.actorId, t.occurredAt.desc().nullsFirst()),
  ],
);

/** What the system gave up on. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: id(),
    tenantId: uuid("tenant_id").references(() => tenants.id),
    kind: deadLetterKind("kind").notNull(),
    /** A run or an e-mail. */
    referenceId: uuid("reference_id"),
    /** An error code. */
    reason: text("reason").notNull(),
    detail: text("detail"),
    payload: jsonb("payload"),
    attempts: integer("attempts").notNull().default(0),
    status: deadLetterStatus("status").notNull().default("OPEN"),
    resolvedAt: instant("resolved_at"),
    resolvedBy: uuid("resolved_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex("dead_letters_open_reference_key")
      .on(t.kind, t.referenceId)
      .where(sql`${t.status} = 'OPEN' and ${t.kind} <> 'RUN_EVENT'`),
    index("dead_letters_tenant_list_idx").on(t.tenantId, t.status, t.createdAt.desc().nullsFirst()),
    lengthBetween("dead_letters_reason_length", t.reason, 1, 120),
    lengthBetween("dead_letters_detail_length", t.detail, 0, 1000),
    check("dead_letters_payload_size", sql`octet_length(${t.payload}::text) <= 65536`),
  ],
);
