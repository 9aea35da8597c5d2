import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text, unique, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import {
  bytea,
  createdAt,
  digestLength,
  id,
  instant,
  lengthBetween,
  matches,
  nameLength,
  numberBetween,
  updatedAt,
} from "./columns.ts";
import { emailStatus, invitationStatus, memberRole, membershipStatus } from "./enums.ts";

export const tenants = pgTable(
  "tenants",
  {
    id: id(),
    slug: text("slug").notNull(),
    name: text("name").notNull(),
    maxConcurrentRuns: integer("max_concurrent_runs").notNull().default(50),
    logRetentionDays: integer("log_retention_days").notNull().default(30),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("tenants_slug_key").on(t.slug),
    matches("tenants_slug_form", t.slug, "^[a-z0-9](-?[a-z0-9]){1,62}$"),
    nameLength("tenants_name_length", t.name),
    numberBetween("tenants_max_concurrent_runs_range", t.maxConcurrentRuns, 1, 10_000),
    numberBetween("tenants_log_retention_days_range", t.logRetentionDays, 1, 365),
  ],
);

/** Global; a tenant sees only users who share a membership with it. */
export const users = pgTable(
  "users",
  {
    id: id(),
    email: text("email").notNull(),
    name: text("name").notNull(),
    passwordHash: text("password_hash").notNull(),
    passwordChangedAt: instant("password_changed_at").notNull().defaultNow(),
    lastTenantId: uuid("last_tenant_id").references(() => tenants.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("users_email_key").on(t.email),
    check("users_email_lower", sql`${t.email} = lower(${t.email})`),
    lengthBetween("users_email_length", t.email, 3, 254),
    nameLength("users_name_length", t.name),
  ],
);

export const memberships = pgTable(
  "memberships",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    userId: uuid("user_id")
      .notNull()
      .references(() => users.id),
    role: memberRole("role").notNull(),
    status: membershipStatus("status").notNull().default("ACTIVE"),
    removedAt: instant("removed_at"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("memberships_tenant_id_user_id_key").on(t.tenantId, t.userId),
    index("memberships_user_id_status_idx").on(t.userId, t.status),
    check("memberships_removed_at_set", sql`(${t.status} = 'REMOVED') = (${t.removedAt} is not null)`),
  ],
);

export const invitations = pgTable(
  "invitations",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    email: text("email").notNull(),
    role: memberRole("role").notNull(),
    status: invitationStatus("status").notNull().default("PENDING"),
    tokenHash: bytea("token_hash").notNull(),
    expiresAt: instant("expires_at").notNull(),
    invitedBy: uuid("invited_by").references(() => users.id, { onDelete: "set null" }),
    acceptedBy: uuid("accepted_by").references(() => users.id, { onDelete: "set null" }),
    acceptedAt: instant("accepted_at"),
    sentCount: integer("sent_count").notNull().default(1),
    lastSentAt: instant("last_sent_at"),
    deliveryStatus: emailStatus("delivery_status").notNull().default("QUEUED"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("invitations_tenant_id_id_key").on(t.tenantId, t.id),
    unique("invitations_token_hash_key").on(t.tokenHash),
    uniqueIndex("invitations_pending_email_key").on(t.tenantId, t.email).where(sql`${t.status} = 'PENDING'`),
    index("invitations_tenant_list_idx").on(t.tenantId, t.createdAt.desc().nullsFirst(), t.id.desc().nullsFirst()),
    index("invitations_expiry_idx").on(t.expiresAt).where(sql`${t.status} = 'PENDING'`),
    check("invitations_role_not_owner", sql`${t.role} <> 'owner'`),
    check("invitations_email_lower", sql`${t.email} = lower(${t.email})`),
    lengthBetween("invitations_email_length", t.email, 3, 254),
    digestLength("invitations_token_hash_length", t.tokenHash),
  ],
);
