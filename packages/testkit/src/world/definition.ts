import { actions, apps, appVersions, type Database } from "@control-plane/db";
import { and, eq, isNull } from "drizzle-orm";
import { only } from "./only.ts";

export type TestVersion = {
  readonly id: string;
  readonly version: number;
  readonly definition: Record<string, unknown>;
};

export type CatalogueAction = typeof actions.$inferSelect;

/** A step by the action's name in the global catalogue; everything else as in a definition. */
export type StepSketch = {
  key: string;
  /** `app.action`, for example `core.echo`. */
  action?: string;
  /** Instead of `action`, for actions that are not in the global catalogue. */
  actionId?: string;
} & Record<string, unknown>;

export type DefinitionSketch = { steps?: readonly StepSketch[] } & Record<string, unknown>;

/** One action of the seeded catalogue, by `app.action`. */
export async function findCatalogueAction(db: Database, name: string): Promise<CatalogueAction> {
  const [app, key] = name.split(".");
  if (app === undefined || key === undefined) throw new Error(`expected app.action, found ${name}`);
  const rows = await db
    .select({ action: actions })
    .from(actions)
    .innerJoin(appVersions, eq(appVersions.id, actions.appVersionId))
    .innerJoin(apps, eq(apps.id, appVersions.appId))
    .where(and(isNull(apps.tenantId), eq(apps.slug, app), eq(actions.key, key), eq(appVersions.isLatest, true)));
  return only(rows).action;
}

/** A complete definition; without steps it has one, `echo`, that gives the run's input back. */
export async function completeDefinition(db: Database, sketch: DefinitionSketch): Promise<Record<string, unknown>> {
  const sketches = sketch.steps ?? [
    { key: "echo", action: "core.echo", input: { echoed: { $ref: "/input", default: null } } },
  ];
  const steps: Record<string, unknown>[] = [];
  for (const { action, ...step } of sketches) {
    const actionId = step.actionId ?? (await findCatalogueAction(db, action ?? "core.echo")).id;
    steps.push({ input: {}, ...step, actionId });
  }
  return { schemaVersion: 1, ...sketch, steps };
}
