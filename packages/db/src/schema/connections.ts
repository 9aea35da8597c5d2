import { sql } from "drizzle-orm";
import { index, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { appVersions } from "./catalogue.ts";
import { bytea, createdAt, emptyObject, emptyTextArray, id, instant, jsonb, nameLength, updatedAt } from "./columns.ts";
import { connectionStatus } from "./enums.ts";
import { tenants, users } from "./tenancy.ts";

export const connections = pgTable(
  "connections",
  {
    id: id(),
    tenantId: uuid("tenant_id")
      .notNull()
      .references(() => tenants.id),
    /** A trigger checks that the version is global or the tenant's own. */
    appVersionId: uuid("app_version_id")
      .notNull()
      .references(() => appVersions.id),
    name: text("name").notNull(),
    status: connectionStatus("status").notNull().default("UNTESTED"),
    /** Not secret: `baseUrl` only. */
    config: jsonb("config").notNull().default(emptyObject),
    secretCipher: bytea("secret_cipher"),
    /** Names of the secret fields, for display. */
    secretFields: text("secret_fields").array().notNull().default(emptyTextArray),
    accessTokenCipher: bytea("access_token_cipher"),
    accessTokenExpiresAt: instant("access_token_expires_at"),
    lastTestedAt: instant("last_tested_at"),
    lastTestResult: jsonb("last_test_result"),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex("connections_tenant_id_name_key").on(t.tenantId, sql`lower(${t.name})`),
    index("connections_tenant_id_app_version_id_idx").on(t.tenantId, t.appVersionId),
    nameLength("connections_name_length", t.name),
  ],
);
