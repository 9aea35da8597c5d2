import { createHash, randomBytes } from "node:crypto";
import { type Database, type Queryable, type runStatus, stepRuns, workflowRuns } from "@control-plane/db";
import { and, asc, eq, sql } from "drizzle-orm";
import { z } from "zod";
import type { TestVersion } from "./definition.ts";
import { only } from "./only.ts";

type RunStatus = (typeof runStatus.enumValues)[number];
type RunRow = typeof workflowRuns.$inferSelect;
type StepRow = typeof stepRuns.$inferSelect;

/** `status` is where the run ends up; the other columns are set at its insert. */
export type RunOptions = Partial<Omit<typeof workflowRuns.$inferInsert, "attempt">>;

export type TestRun = {
  readonly id: string;
  readonly tenantId: string;
  readonly workflowId: string;
  /** Of the claim, for a run that is or was RUNNING; else empty. */
  readonly leaseToken: string;
  row(): Promise<RunRow>;
  /** By position, then attempt. */
  steps(): Promise<StepRow[]>;
};

/** The legal way from PENDING to each status. */
const WAYS = {
  PENDING: [],
  QUEUED: ["QUEUED"],
  RUNNING: ["QUEUED", "RUNNING"],
  CANCELLING: ["QUEUED", "RUNNING", "CANCELLING"],
  SUCCEEDED: ["QUEUED", "RUNNING", "SUCCEEDED"],
  FAILED: ["QUEUED", "RUNNING", "FAILED"],
  CANCELLED: ["CANCELLED"],
  TIMED_OUT: ["TIMED_OUT"],
} as const satisfies Record<RunStatus, readonly RunStatus[]>;

const DEFAULT_MAX_ATTEMPTS = 3;

type RunScope = { tenantId: string; workflowId: string; version: TestVersion };

/** In one transaction: where services run beside the test, none of them meets the run on its way to the status. */
export async function addRun(db: Database, scope: RunScope, options: RunOptions): Promise<TestRun> {
  const { status = "PENDING", ...columns } = options;
  const leaseToken = `lt_${randomBytes(32).toString("base64url")}`;
  const way: readonly RunStatus[] = WAYS[status];
  const run = await db.transaction(async (tx) => {
    const added = only(
      await tx
        .insert(workflowRuns)
        .values({
          tenantId: scope.tenantId,
          workflowId: scope.workflowId,
          workflowVersionId: scope.version.id,
          source: "MANUAL",
          maxAttempts: DEFAULT_MAX_ATTEMPTS,
          deadlineAt: new Date(Date.now() + 24 * 3600 * 1000),
          ...columns,
        })
        .returning({ id: workflowRuns.id }),
    );
    for (const next of way) {
      if (next === "RUNNING") await addSteps(tx, scope, added.id);
      await tx
        .update(workflowRuns)
        .set({ status: next, ...columnsAt(next, leaseToken) })
        .where(eq(workflowRuns.id, added.id));
    }
    return added;
  });
  return {
    id: run.id,
    tenantId: scope.tenantId,
    workflowId: scope.workflowId,
    leaseToken: way.includes("RUNNING") ? leaseToken : "",
    row: async () => only(await db.select().from(workflowRuns).where(eq(workflowRuns.id, run.id))),
    steps: () =>
      db
        .select()
        .from(stepRuns)
        .where(and(eq(stepRuns.tenantId, scope.tenantId), eq(stepRuns.workflowRunId, run.id)))
        .orderBy(asc(stepRuns.position), asc(stepRuns.attempt)),
  };
}

/** What goes with a status, by the database's clock. */
function columnsAt(status: RunStatus, leaseToken: string) {
  switch (status) {
    case "PENDING":
      return {};
    case "QUEUED":
      return { queuedAt: sql`now()` };
    case "RUNNING":
      return {
        startedAt: sql`now()`,
        leaseExpiresAt: sql`now() + interval '60 seconds'`,
        leaseTokenHash: createHash("sha256").update(leaseToken).digest(),
        runnerId: "testkit",
      };
    case "CANCELLING":
      return { cancelRequestedAt: sql`now()` };
    case "SUCCEEDED":
      return { finishedAt: sql`now()`, leaseExpiresAt: null, output: null };
    case "FAILED":
      return {
        finishedAt: sql`now()`,
        leaseExpiresAt: null,
        error: { code: "FAILED_ON_PURPOSE", message: "failed by the test", retryable: false },
      };
    case "CANCELLED":
    case "TIMED_OUT":
      return { finishedAt: sql`now()`, leaseExpiresAt: null };
    default:
      return status satisfies never;
  }
}

const definitionSteps = z.object({ steps: z.array(z.object({ key: z.string(), actionId: z.uuid() })) });

/** One PENDING row per step, as a claim inserts them. */
async function addSteps(db: Queryable, scope: RunScope, runId: string): Promise<void> {
  const { steps } = definitionSteps.parse(scope.version.definition);
  if (steps.length === 0) return;
  await db.insert(stepRuns).values(
    steps.map((step, position) => ({
      tenantId: scope.tenantId,
      workflowRunId: runId,
      stepKey: step.key,
      actionId: step.actionId,
      position,
      attempt: 1,
    })),
  );
}
