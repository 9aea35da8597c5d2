import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  check,
  foreignKey,
  index,
  inet,
  integer,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { bytea, createdAt, digestLength, id, instant, jsonb, lengthBetween, updatedAt } from "./columns.ts";
import { dataKeyState, emailStatus, internal, signingKeyState } from "./enums.ts";
import { invitations, memberships, tenants, users } from "./tenancy.ts";

/** One row per login: one family of refresh tokens. */
export const sessions = internal.table(
  "sessions",
  {
    id: id(),
    userId: uuid("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    /** Absolute end of the family. */
    expiresAt: instant("expires_at").notNull(),
    lastUsedAt: instant("last_used_at").notNull().defaultNow(),
    endedAt: instant("ended_at"),
    endReason: text("end_reason"),
    ip: inet("ip"),
    userAgent: text("user_agent"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    index("sessions_open_idx").on(t.userId).where(sql`${t.endedAt} is null`),
    lengthBetween("sessions_user_agent_length", t.userAgent, 0, 256),
    lengthBetween("sessions_end_reason_length", t.endReason, 1, 64),
  ],
);

export const refreshTokens = internal.table(
  "refresh_tokens",
  {
    id: id(),
    sessionId: uuid("session_id")
      .notNull()
      .references(() => sessions.id, { onDelete: "cascade" }),
    parentId: uuid("parent_id").references((): AnyPgColumn => refreshTokens.id, { onDelete: "cascade" }),
    tokenHash: bytea("token_hash").notNull(),
    expiresAt: instant("expires_at").notNull(),
    consumedAt: instant("consumed_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("refresh_tokens_token_hash_key").on(t.tokenHash),
    index("refresh_tokens_parent_id_idx").on(t.parentId),
    index("refresh_tokens_session_id_idx").on(t.sessionId),
    digestLength("refresh_tokens_token_hash_length", t.tokenHash),
  ],
);

export const passwordResets = internal.table(
  "password_resets",
  {
    id: id(),
    userId: uuid("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    tokenHash: bytea("token_hash").notNull(),
    expiresAt: instant("expires_at").notNull(),
    usedAt: instant("used_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("password_resets_token_hash_key").on(t.tokenHash),
    index("password_resets_user_id_idx").on(t.userId),
    digestLength("password_resets_token_hash_length", t.tokenHash),
  ],
);

/** With a key a program acts for a member, in that tenant, with his present role. */
export const accessKeys = internal.table(
  "access_keys",
  {
    id: id(),
    tenantId: uuid("tenant_id").notNull(),
    userId: uuid("user_id").notNull(),
    name: text("name").notNull(),
    /** The first eight characters, by which a person recognises the key. */
    prefix: text("prefix").notNull(),
    keyHash: bytea("key_hash").notNull(),
    expiresAt: instant("expires_at").notNull(),
    lastUsedAt: instant("last_used_at"),
    lastUsedIp: inet("last_used_ip"),
    revokedAt: instant("revoked_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("access_keys_key_hash_key").on(t.keyHash),
    foreignKey({
      name: "access_keys_membership_fk",
      columns: [t.tenantId, t.userId],
      foreignColumns: [memberships.tenantId, memberships.userId],
    }),
    index("access_keys_tenant_id_user_id_idx").on(t.tenantId, t.userId),
    index("access_keys_user_id_idx").on(t.userId),
    lengthBetween("access_keys_name_length", t.name, 1, 100),
    lengthBetween("access_keys_prefix_length", t.prefix, 8, 8),
    digestLength("access_keys_key_hash_length", t.keyHash),
  ],
);

export const signingKeys = internal.table(
  "signing_keys",
  {
    id: id(),
    /** RFC 7638 thumbprint. */
    kid: text("kid").notNull(),
    publicJwk: jsonb("public_jwk").notNull(),
    privateKeyCipher: bytea("private_key_cipher").notNull(),
    state: signingKeyState("state").notNull(),
    promotedAt: instant("promoted_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("signing_keys_kid_key").on(t.kid),
    uniqueIndex("signing_keys_next_or_current_key").on(t.state).where(sql`${t.state} in ('NEXT', 'CURRENT')`),
  ],
);

/** `tenantId` null is the platform's own key. */
export const dataKeys = internal.table(
  "data_keys",
  {
    id: id(),
    tenantId: uuid("tenant_id").references(() => tenants.id),
    kekId: text("kek_id").notNull(),
    /** Null once DESTROYED. */
    wrappedKey: bytea("wrapped_key"),
    state: dataKeyState("state").notNull().default("ACTIVE"),
    stateChangedAt: instant("state_changed_at").notNull().defaultNow(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check("data_keys_wrapped_unless_destroyed", sql`(${t.state} = 'DESTROYED') = (${t.wrappedKey} is null)`),
    lengthBetween("data_keys_kek_id_length", t.kekId, 1, 255),
  ],
);

/** Transactional outbox of the mail loop. */
export const emails = internal.table(
  "emails",
  {
    id: id(),
    tenantId: uuid("tenant_id").references(() => tenants.id),
    kind: text("kind", { enum: ["INVITATION", "PASSWORD_RESET"] }).notNull(),
    recipient: text("recipient").notNull(),
    invitationId: uuid("invitation_id"),
    /** Cleared when SENT or FAILED. */
    payloadCipher: bytea("payload_cipher"),
    status: emailStatus("status").notNull().default("QUEUED"),
    attempts: integer("attempts").notNull().default(0),
    nextAttemptAt: instant("next_attempt_at").notNull().defaultNow(),
    lastError: text("last_error"),
    sentAt: instant("sent_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    foreignKey({
      name: "emails_invitation_fk",
      columns: [t.tenantId, t.invitationId],
      foreignColumns: [invitations.tenantId, invitations.id],
    }),
    index("emails_queued_idx").on(t.nextAttemptAt).where(sql`${t.status} = 'QUEUED'`),
    check("emails_kind_value", sql`${t.kind} in ('INVITATION', 'PASSWORD_RESET')`),
    lengthBetween("emails_recipient_length", t.recipient, 3, 254),
    lengthBetween("emails_last_error_length", t.lastError, 0, 2000),
  ],
);
