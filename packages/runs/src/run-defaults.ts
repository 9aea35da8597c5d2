import { type SQL, sql } from "drizzle-orm";

/** What a workflow definition leaves out. */
export const DEFINITION_DEFAULTS = {
  /** From the first start, over all attempts. */
  timeoutSeconds: 3_600,
  retry: { maxAttempts: 3, initialDelaySeconds: 5, factor: 2, maxDelaySeconds: 300 },
} as const;

/** How long a run may wait for its first start. */
const QUEUE_DEADLINE_SECONDS = 24 * 3_600;

/** SQL of the attempts that a run of this definition has. */
export function attemptsOf(definition: SQL): SQL {
  return sql`coalesce((${definition} -> 'retry' ->> 'maxAttempts')::numeric::int, ${DEFINITION_DEFAULTS.retry.maxAttempts}::int)`;
}

/** SQL of the deadline of a run that is made at this moment. */
export function queueDeadline(): SQL {
  return sql`now() + make_interval(secs => ${QUEUE_DEADLINE_SECONDS}::int)`;
}
