import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  index,
  integer,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import {
  createdAt,
  descriptionLength,
  emptyObject,
  emptyTextArray,
  id,
  instant,
  jsonb,
  lengthBetween,
  matches,
  nameLength,
  numberBetween,
  updatedAt,
} from "./columns.ts";
import { appStatus, authType } from "./enums.ts";
import { tenants, users } from "./tenancy.ts";

/** major.minor.patch, each part below a million, so that the order fits a bigint. */
const VERSION_FORM = "^(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})$";

/** `tenantId` null means the global catalogue, made by the seed command only. */
export const apps = pgTable(
  "apps",
  {
    id: id(),
    tenantId: uuid("tenant_id").references(() => tenants.id),
    slug: text("slug").notNull(),
    name: text("name").notNull(),
    description: text("description"),
    status: appStatus("status").notNull().default("DRAFT"),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("apps_tenant_id_slug_key").on(t.tenantId, t.slug).nullsNotDistinct(),
    matches("apps_slug_form", t.slug, "^[a-z][a-z0-9-]{1,62}$"),
    nameLength("apps_name_length", t.name),
    descriptionLength("apps_description_length", t.description),
  ],
);

export const appVersions = pgTable(
  "app_versions",
  {
    id: id(),
    appId: uuid("app_id")
      .notNull()
      .references(() => apps.id),
    /** The app's tenant, copied by a database trigger whatever is given. */
    tenantId: uuid("tenant_id").references(() => tenants.id),
    version: text("version").notNull(),
    versionOrder: bigint("version_order", { mode: "bigint" })
      .notNull()
      .generatedAlwaysAs(
        // A malformed version yields 0 here, so that the CHECK below is what refuses it.
        sql`case when version ~ ${sql.raw(`'${VERSION_FORM}'`)}
          then split_part(version, '.', 1)::bigint * 1000000000000
            + split_part(version, '.', 2)::bigint * 1000000
            + split_part(version, '.', 3)::bigint
          else 0 end`,
      ),
    authType: authType("auth_type").notNull(),
    authConfig: jsonb("auth_config").notNull().default(emptyObject),
    baseUrl: text("base_url"),
    allowedHosts: text("allowed_hosts").array().notNull().default(emptyTextArray),
    testRequest: jsonb("test_request"),
    changelog: text("changelog"),
    isLatest: boolean("is_latest").notNull().default(false),
    publishedAt: instant("published_at"),
    publishedBy: uuid("published_by").references(() => users.id, { onDelete: "set null" }),
    createdBy: uuid("created_by").references(() => users.id, { onDelete: "set null" }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("app_versions_app_id_version_key").on(t.appId, t.version),
    uniqueIndex("app_versions_latest_key").on(t.appId).where(sql`${t.isLatest}`),
    index("app_versions_tenant_id_idx").on(t.tenantId),
    index("app_versions_app_id_version_order_idx").on(t.appId, t.versionOrder.desc().nullsFirst()),
    matches("app_versions_version_form", t.version, VERSION_FORM),
    matches("app_versions_base_url_form", t.baseUrl, "^https?://"),
    lengthBetween("app_versions_base_url_length", t.baseUrl, 8, 2000),
    lengthBetween("app_versions_changelog_length", t.changelog, 0, 2000),
    check("app_versions_latest_is_published", sql`not ${t.isLatest} or ${t.publishedAt} is not null`),
  ],
);

/** The building blocks of steps; frozen once their version is published. */
export const actions = pgTable(
  "actions",
  {
    id: id(),
    appVersionId: uuid("app_version_id")
      .notNull()
      .references((): AnyPgColumn => appVersions.id, { onDelete: "cascade" }),
    /** The version's tenant, copied by a database trigger whatever is given. */
    tenantId: uuid("tenant_id").references(() => tenants.id),
    key: text("key").notNull(),
    name: text("name").notNull(),
    description: text("description"),
    inputSchema: jsonb("input_schema").notNull().default(emptyObject),
    outputSchema: jsonb("output_schema").notNull().default(emptyObject),
    /** A declarative HTTP call; null = built into the runner. */
    request: jsonb("request"),
    timeoutSeconds: integer("timeout_seconds").notNull().default(60),
    position: integer("position").notNull().default(0),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique("actions_app_version_id_key_key").on(t.appVersionId, t.key),
    index("actions_tenant_id_idx").on(t.tenantId),
    matches("actions_key_form", t.key, "^[a-z][a-z0-9_]{0,62}$"),
    nameLength("actions_name_length", t.name),
    descriptionLength("actions_description_length", t.description),
    numberBetween("actions_timeout_seconds_range", t.timeoutSeconds, 1, 3600),
  ],
);
