import { actions, apps, appVersions, type Database } from "@control-plane/db";
import { eq, sql } from "drizzle-orm";
import { uniqueSlug } from "../unique.ts";
import { only } from "./only.ts";

export type AppOptions = {
  slug?: string;
  name?: string;
  published?: boolean;
  /** Columns of the version, over `1.0.0`, auth type NONE, host `example.com`. */
  version?: Partial<typeof appVersions.$inferInsert>;
  /** Default: one declarative action `call`. */
  actions?: readonly (Partial<typeof actions.$inferInsert> & { key: string })[];
};

export type TestApp = {
  readonly id: string;
  readonly slug: string;
  readonly version: typeof appVersions.$inferSelect;
  readonly actions: readonly (typeof actions.$inferSelect)[];
};

/** A private app of the tenant, or of the global catalogue for `null`, with one version; published unless said otherwise. */
export async function addApp(db: Database, tenantId: string | null, options: AppOptions = {}): Promise<TestApp> {
  const slug = options.slug ?? uniqueSlug("app");
  const published = options.published ?? true;
  const app = only(
    await db
      .insert(apps)
      .values({ tenantId, slug, name: options.name ?? slug, status: published ? "PUBLISHED" : "DRAFT" })
      .returning(),
  );
  const draft = only(
    await db
      .insert(appVersions)
      .values({
        version: "1.0.0",
        authType: "NONE",
        baseUrl: "https://example.com",
        allowedHosts: ["example.com"],
        ...options.version,
        appId: app.id,
      })
      .returning(),
  );
  const added = await db
    .insert(actions)
    .values(
      (options.actions ?? [{ key: "call" }]).map((action, position) => ({
        name: action.key,
        request: { method: "GET", path: "/", query: {}, headers: {} },
        position,
        ...action,
        appVersionId: draft.id,
      })),
    )
    .returning();
  if (!published) return { id: app.id, slug, version: draft, actions: added };
  const version = only(
    await db
      .update(appVersions)
      .set({ publishedAt: sql`now()`, isLatest: true })
      .where(eq(appVersions.id, draft.id))
      .returning(),
  );
  return { id: app.id, slug, version, actions: added };
}
