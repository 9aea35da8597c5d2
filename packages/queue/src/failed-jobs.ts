import type { JobName } from "./consumer.ts";
import type { OpenQueue } from "./open-queue.ts";

/** A job as Redis holds it. */
export type KeptJob = JobName & { data: unknown; tries: number };

/** Jobs that failed for good, the oldest first. */
export async function findFailedJobs({ queue }: Pick<OpenQueue, "queue">, countMax: number): Promise<KeptJob[]> {
  const jobs = await queue.getFailed(0, countMax - 1);
  return jobs.flatMap(({ id, timestamp, data, attemptsMade }) =>
    id === undefined ? [] : [{ id, addedAt: timestamp, data, tries: attemptsMade }],
  );
}

/** So that the same id can be added again. */
export async function removeJob({ queue }: Pick<OpenQueue, "queue">, id: string): Promise<void> {
  await queue.remove(id);
}
