import { workflowRuns } from "@control-plane/db";
import type { TestDatabase, TestRun } from "@control-plane/testkit";
import { eq, sql } from "drizzle-orm";

/** Seconds of the lease that are left, by the database's clock; negative ones are past. */
export async function leaveLease({ db }: TestDatabase, run: TestRun, seconds: number): Promise<void> {
  await db
    .update(workflowRuns)
    .set({ leaseExpiresAt: sql`now() + make_interval(secs => ${seconds})` })
    .where(eq(workflowRuns.id, run.id));
}

export async function lapseLease(db: TestDatabase, run: TestRun): Promise<void> {
  await leaveLease(db, run, -1);
}

/** How long a run is QUEUED, as the sweeper sees it. */
export async function queuedSince({ db }: TestDatabase, run: Pick<TestRun, "id">, seconds: number): Promise<void> {
  await db
    .update(workflowRuns)
    .set({ queuedAt: sql`now() - make_interval(secs => ${seconds})` })
    .where(eq(workflowRuns.id, run.id));
}
