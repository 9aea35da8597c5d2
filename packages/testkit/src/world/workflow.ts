import { randomBytes } from "node:crypto";
import { type Database, triggers, workflows, workflowVersions } from "@control-plane/db";
import { sql } from "drizzle-orm";
import { uniqueSlug } from "../unique.ts";
import { completeDefinition, type DefinitionSketch, type TestVersion } from "./definition.ts";
import { only } from "./only.ts";
import { addRun, type RunOptions, type TestRun } from "./run.ts";

type TriggerRow = typeof triggers.$inferSelect;
export type WebhookOptions = Partial<typeof triggers.$inferInsert>;
export type ScheduleOptions = Partial<typeof triggers.$inferInsert>;

export type TestWorkflow = {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  /** The version it was made with; throws when the workflow was made unpublished. */
  readonly version: TestVersion;
  /** Publishes a further version, which becomes the latest. */
  publish(sketch?: DefinitionSketch): Promise<TestVersion>;
  /** The one draft. */
  draft(sketch?: DefinitionSketch): Promise<TestVersion>;
  /** Unsigned unless a scheme and `webhookSecretCipher` are given. */
  webhook(options?: WebhookOptions): Promise<TriggerRow & { webhookPath: string }>;
  /** Each minute in UTC unless said otherwise. `nextFireAt` is set past the trigger that clears it. */
  schedule(options?: ScheduleOptions): Promise<TriggerRow>;
  /** A run of `version`, moved to the wanted status by legal moves. */
  run(options?: RunOptions): Promise<TestRun>;
};

export type WorkflowOptions = DefinitionSketch & { name?: string; published?: boolean };

export async function addWorkflow(
  db: Database,
  tenantId: string,
  options: WorkflowOptions = {},
): Promise<TestWorkflow> {
  const { name = uniqueSlug("workflow"), published = true, ...sketch } = options;
  const workflow = only(await db.insert(workflows).values({ tenantId, name }).returning());
  const scope = { tenantId, workflowId: workflow.id };
  const first = published ? await addVersion(db, scope, sketch, true) : undefined;
  const versionOf = () => {
    if (first === undefined) throw new Error("the workflow was made unpublished");
    return first;
  };
  return {
    id: workflow.id,
    tenantId,
    name,
    get version() {
      return versionOf();
    },
    publish: (next = {}) => addVersion(db, scope, next, true),
    draft: (next = {}) => addVersion(db, scope, next, false),
    webhook: (webhook = {}) => addWebhook(db, scope, webhook),
    schedule: (schedule = {}) => addSchedule(db, scope, schedule),
    run: (run = {}) => addRun(db, { ...scope, version: versionOf() }, run),
  };
}

type Scope = { tenantId: string; workflowId: string };

async function addVersion(
  db: Database,
  scope: Scope,
  sketch: DefinitionSketch,
  published: boolean,
): Promise<TestVersion> {
  const definition = await completeDefinition(db, sketch);
  return db.transaction(async (tx) => {
    if (published) {
      await tx.execute(
        sql`update workflow_versions set is_latest = false where workflow_id = ${scope.workflowId} and is_latest`,
      );
    }
    const row = only(
      await tx
        .insert(workflowVersions)
        .values({ ...scope, definition, ...(published ? { publishedAt: new Date(), isLatest: true } : {}) })
        .returning(),
    );
    return { id: row.id, version: row.version, definition };
  });
}

async function addWebhook(
  db: Database,
  scope: Scope,
  options: WebhookOptions,
): Promise<TriggerRow & { webhookPath: string }> {
  const webhookPath = randomBytes(16).toString("base64url");
  const row = only(
    await db
      .insert(triggers)
      .values({
        ...scope,
        name: uniqueSlug("hook"),
        type: "WEBHOOK",
        webhookPath,
        signatureScheme: "NONE",
        signatureConfig: {},
        toleranceSeconds: 300,
        ...options,
      })
      .returning(),
  );
  return { ...row, webhookPath: row.webhookPath ?? webhookPath };
}

async function addSchedule(db: Database, scope: Scope, options: ScheduleOptions): Promise<TriggerRow> {
  const row = only(
    await db
      .insert(triggers)
      .values({
        ...scope,
        name: uniqueSlug("schedule"),
        type: "SCHEDULE",
        cron: "* * * * *",
        timezone: "UTC",
        overlapPolicy: "ALLOW",
        catchUpPolicy: "LAST",
        ...options,
      })
      .returning(),
  );
  if (options.nextFireAt === undefined) return row;
  return only(
    await db
      .update(triggers)
      .set({ nextFireAt: options.nextFireAt })
      .where(sql`${triggers.id} = ${row.id}`)
      .returning(),
  );
}
