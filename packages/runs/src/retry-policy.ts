import type { Queryable } from "@control-plane/db";
import { workflowVersions } from "@control-plane/db";
import { and, eq } from "drizzle-orm";
import { z } from "zod";
import type { RetryPolicy } from "./attempt-end.ts";
import { retrySchema } from "./definition/definition.ts";

const definitionRetrySchema = z.object({
  retry: retrySchema.default({ maxAttempts: 3, initialDelaySeconds: 5, factor: 2, maxDelaySeconds: 300 }),
});

/** The pinned version's back-off. */
export async function readRetryPolicy(
  db: Queryable,
  run: { tenantId: string; workflowVersionId: string },
): Promise<RetryPolicy> {
  const [version] = await db
    .select({ definition: workflowVersions.definition })
    .from(workflowVersions)
    .where(and(eq(workflowVersions.tenantId, run.tenantId), eq(workflowVersions.id, run.workflowVersionId)));
  return definitionRetrySchema.parse(version?.definition ?? {}).retry;
}
