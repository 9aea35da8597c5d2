import type { Queryable } from "@control-plane/db";
import { workflowVersions } from "@control-plane/db";
import { and, eq } from "drizzle-orm";
import { z } from "zod";
import { definitionSchema, type RetryPolicy } from "./definition/definition.ts";

const DELAY_SECONDS_MAX = 24 * 3600;

/** Seconds until attempt `attempt + 1`: what the failure asked for, else the policy's back-off; both ± 20 %. */
export function backOffSeconds(
  policy: RetryPolicy,
  attempt: number,
  askedSeconds: number | undefined,
  random: () => number = Math.random,
): number {
  const planned =
    askedSeconds ?? Math.min(policy.initialDelaySeconds * policy.factor ** (attempt - 1), policy.maxDelaySeconds);
  return Math.min(planned * (0.8 + 0.4 * random()), DELAY_SECONDS_MAX);
}

const definitionRetrySchema = z.object({ retry: definitionSchema.shape.retry });

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
