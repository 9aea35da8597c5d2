import { randomBytes } from "node:crypto";
import { eq } from "drizzle-orm";
import {
  apps,
  appVersions,
  type Database,
  type memberRole,
  memberships,
  type runStatus,
  tenants,
  triggers,
  users,
  workflowRuns,
  workflows,
  workflowVersions,
} from "../src/index.ts";

// Rows with unique names, straight into the tables.

function suffix(): string {
  return randomBytes(5).toString("hex");
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("the insert returned no row");
  return row;
}

export async function addTenant(db: Database) {
  return only(
    await db
      .insert(tenants)
      .values({ slug: `t-${suffix()}`, name: "Tenant" })
      .returning(),
  );
}

async function addUser(db: Database) {
  return only(
    await db
      .insert(users)
      .values({ email: `${suffix()}@example.com`, name: "User", passwordHash: "none" })
      .returning(),
  );
}

export async function addMember(
  db: Database,
  tenantId: string,
  role: (typeof memberRole.enumValues)[number] = "owner",
) {
  const user = await addUser(db);
  return only(await db.insert(memberships).values({ tenantId, userId: user.id, role }).returning());
}

export async function addApp(db: Database, tenantId: string | null) {
  const slug = `a${suffix()}`;
  const app = only(await db.insert(apps).values({ tenantId, slug, name: slug }).returning());
  const version = only(
    await db.insert(appVersions).values({ appId: app.id, version: "1.0.0", authType: "NONE" }).returning(),
  );
  return { app, version };
}

export async function addWorkflow(db: Database, tenantId: string) {
  return only(
    await db
      .insert(workflows)
      .values({ tenantId, name: `w-${suffix()}` })
      .returning(),
  );
}

export async function addPublishedVersion(db: Database, workflow: { id: string; tenantId: string }) {
  return only(
    await db
      .insert(workflowVersions)
      .values({
        tenantId: workflow.tenantId,
        workflowId: workflow.id,
        definition: { schemaVersion: 1, steps: [] },
        publishedAt: new Date(),
        isLatest: true,
      })
      .returning(),
  );
}

/** Tenant, workflow and published version: what a run needs. */
export async function addRunnable(db: Database) {
  const tenant = await addTenant(db);
  const workflow = await addWorkflow(db, tenant.id);
  const version = await addPublishedVersion(db, workflow);
  return { tenant, workflow, version };
}

export type Runnable = Awaited<ReturnType<typeof addRunnable>>;

export function newRun(runnable: Runnable, source: (typeof workflowRuns.$inferInsert)["source"] = "MANUAL") {
  return {
    tenantId: runnable.tenant.id,
    workflowId: runnable.workflow.id,
    workflowVersionId: runnable.version.id,
    source,
    maxAttempts: 3,
    deadlineAt: new Date(Date.now() + 86_400_000),
  };
}

type RunStatus = (typeof runStatus.enumValues)[number];

/** Legal ways from PENDING to each status. */
const WAYS: Record<RunStatus, readonly RunStatus[]> = {
  PENDING: [],
  QUEUED: ["QUEUED"],
  RUNNING: ["QUEUED", "RUNNING"],
  CANCELLING: ["QUEUED", "RUNNING", "CANCELLING"],
  SUCCEEDED: ["QUEUED", "RUNNING", "SUCCEEDED"],
  FAILED: ["QUEUED", "RUNNING", "FAILED"],
  CANCELLED: ["CANCELLED"],
  TIMED_OUT: ["TIMED_OUT"],
};

/** The columns that the CHECKs tie to a status. */
export function columnsOf(status: RunStatus) {
  const terminal = ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"].includes(status);
  const held = status === "RUNNING" || status === "CANCELLING";
  return { status, finishedAt: terminal ? new Date() : null, leaseExpiresAt: held ? new Date() : null };
}

export async function addRun(db: Database, runnable: Runnable, status: RunStatus = "PENDING") {
  const run = only(await db.insert(workflowRuns).values(newRun(runnable)).returning());
  for (const next of WAYS[status]) await moveRun(db, run.id, columnsOf(next));
  return run;
}

export async function moveRun(db: Database, id: string, columns: Partial<typeof workflowRuns.$inferInsert>) {
  return only(await db.update(workflowRuns).set(columns).where(eq(workflowRuns.id, id)).returning());
}

export async function addSchedule(db: Database, workflow: { id: string; tenantId: string }) {
  return only(
    await db
      .insert(triggers)
      .values({
        tenantId: workflow.tenantId,
        workflowId: workflow.id,
        name: "nightly",
        type: "SCHEDULE",
        cron: "0 3 * * *",
        timezone: "UTC",
        overlapPolicy: "ALLOW",
        catchUpPolicy: "LAST",
      })
      .returning(),
  );
}

export async function addWebhook(db: Database, workflow: { id: string; tenantId: string }, secretCipher: Buffer) {
  return only(
    await db
      .insert(triggers)
      .values({
        tenantId: workflow.tenantId,
        workflowId: workflow.id,
        name: "hook",
        type: "WEBHOOK",
        webhookPath: randomBytes(16).toString("base64url"),
        signatureScheme: "GITHUB",
        signatureConfig: {},
        toleranceSeconds: 300,
        webhookSecretCipher: secretCipher,
      })
      .returning(),
  );
}
