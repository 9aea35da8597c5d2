import { and, eq, isNull, sql } from "drizzle-orm";
import { inTransaction } from "../actor.ts";
import type { Database, Transaction } from "../client.ts";
import { actions, apps, appVersions } from "../schema/catalogue.ts";
import { type CatalogueApp, catalogue } from "./catalogue.ts";

/**
 * Adds the global catalogue and nothing else. What is there already stays as it is: published versions never change, so a
 * new action means a new version.
 */
export async function seed(db: Database, log: (line: string) => void = () => undefined): Promise<void> {
  for (const app of catalogue) {
    const added = await inTransaction(db, { source: "cli" }, (tx) => seedApp(tx, app));
    log(`catalogue: ${app.slug} ${app.version.version} ${added ? "added" : "is there"}`);
  }
}

async function seedApp(tx: Transaction, app: CatalogueApp): Promise<boolean> {
  await tx
    .insert(apps)
    .values({ tenantId: null, slug: app.slug, name: app.name, description: app.description, status: "PUBLISHED" })
    .onConflictDoNothing();
  const [row] = await tx
    .select({ id: apps.id })
    .from(apps)
    .where(and(isNull(apps.tenantId), eq(apps.slug, app.slug)))
    .for("update");
  if (row === undefined) throw new Error(`the app ${app.slug} could not be added`);
  const { baseUrl, testRequest, ...version } = app.version;
  const [inserted] = await tx
    .insert(appVersions)
    .values({
      ...version,
      appId: row.id,
      baseUrl: baseUrl ?? null,
      testRequest: testRequest ?? null,
      allowedHosts: [...version.allowedHosts],
    })
    .onConflictDoNothing()
    .returning({ id: appVersions.id });
  if (inserted === undefined) return false;
  await tx.insert(actions).values(
    app.actions.map((action, position) => ({
      ...action,
      request: action.request ?? null,
      appVersionId: inserted.id,
      position,
    })),
  );
  await tx.update(appVersions).set({ publishedAt: sql`now()`, isLatest: true }).where(eq(appVersions.id, inserted.id));
  return true;
}
