import { sql } from "drizzle-orm";
import { check, foreignKey, index, inet, integer, pgTable, text, unique, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { bytea, digestLength, emptyObject, id, instant, jsonb, lengthBetween, updatedAt } from "./columns.ts";
import { triggers } from "./workflows.ts";

/** A row exists only for an accepted delivery. */
export const webhookDeliveries = pgTable(
  "webhook_deliveries",
  {
    id: id(),
    // A tenant's own by the key to the trigger.
    tenantId: uuid("tenant_id").notNull(),
    triggerId: uuid("trigger_id").notNull(),
    receivedAt: instant("received_at").notNull().defaultNow(),
    /** The sender's id of the delivery, as sent. */
    senderId: text("sender_id"),
    dedupeKey: bytea("dedupe_key"),
    replayKey: bytea("replay_key"),
    bodyHash: bytea("body_hash").notNull(),
    bodyBytes: integer("body_bytes").notNull(),
    bodyCipher: bytea("body_cipher").notNull(),
    contentType: text("content_type"),
    headers: jsonb("headers").notNull().default(emptyObject),
    matchedSecret: text("matched_secret", { enum: ["CURRENT", "PREVIOUS", "NONE"] }).notNull(),
    sourceIp: inet("source_ip"),
    duplicateCount: integer("duplicate_count").notNull().default(0),
    conflictCount: integer("conflict_count").notNull().default(0),
    replayCount: integer("replay_count").notNull().default(0),
    lastRepeatAt: instant("last_repeat_at"),
    updatedAt: updatedAt(),
  },
  (t) => [
    foreignKey({
      name: "webhook_deliveries_trigger_fk",
      columns: [t.tenantId, t.triggerId],
      foreignColumns: [triggers.tenantId, triggers.id],
    }).onDelete("cascade"),
    unique("webhook_deliveries_tenant_id_id_key").on(t.tenantId, t.id),
    uniqueIndex("webhook_deliveries_dedupe_key").on(t.triggerId, t.dedupeKey).where(sql`${t.dedupeKey} is not null`),
    uniqueIndex("webhook_deliveries_replay_key").on(t.triggerId, t.replayKey).where(sql`${t.replayKey} is not null`),
    index("webhook_deliveries_tenant_list_idx").on(
      t.tenantId,
      t.receivedAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index("webhook_deliveries_trigger_list_idx").on(
      t.tenantId,
      t.triggerId,
      t.receivedAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    lengthBetween("webhook_deliveries_sender_id_length", t.senderId, 0, 255),
    digestLength("webhook_deliveries_dedupe_key_length", t.dedupeKey),
    digestLength("webhook_deliveries_replay_key_length", t.replayKey),
    digestLength("webhook_deliveries_body_hash_length", t.bodyHash),
    check("webhook_deliveries_body_bytes_range", sql`${t.bodyBytes} >= 0`),
    check("webhook_deliveries_matched_secret_value", sql`${t.matchedSecret} in ('CURRENT', 'PREVIOUS', 'NONE')`),
  ],
);
