import type { TestRedis } from "@control-plane/testkit";
import { type JobsOptions, Queue } from "bullmq";
import { z } from "zod";

async function withQueue<T>(redis: TestRedis, name: string, work: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue(name, { connection: redis.client, prefix: redis.prefix });
  queue.on("error", () => undefined);
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

const jobsSchema = z.array(
  z.object({
    id: z.string(),
    data: z.unknown(),
    opts: z.looseObject({ attempts: z.int() }),
    attemptsMade: z.int(),
    failedReason: z.string().optional(),
  }),
);

/** Every job of the queue that is in one of the states, the first to be taken first. */
export function jobsIn(
  redis: TestRedis,
  name: string,
  states: ("waiting" | "active" | "delayed" | "completed" | "failed")[] = [
    "waiting",
    "active",
    "delayed",
    "completed",
    "failed",
  ],
) {
  return withQueue(redis, name, async (queue) => jobsSchema.parse(await queue.getJobs(states, 0, -1, true)));
}

/** How many connections ask the queue for jobs. */
export function consumersOf(redis: TestRedis, name: string): Promise<number> {
  return withQueue(redis, name, (queue) => queue.getWorkersCount());
}

export async function jobIdsIn(...search: Parameters<typeof jobsIn>): Promise<string[]> {
  return (await jobsIn(...search)).map(({ id }) => id);
}

const historySchema = z.array(z.tuple([z.string(), z.array(z.string())]));

/** How often the queue saw each of these: `added`, `duplicated` (the id was there), `removed`, `completed`, `failed`. */
export async function countQueueEvents(redis: TestRedis, name: string): Promise<Record<string, number>> {
  const entries = historySchema.parse(await redis.client.xrange(`${redis.prefix}:${name}:events`, "-", "+"));
  const counts: Record<string, number> = {};
  for (const [, fields] of entries) {
    const event = fields[fields.indexOf("event") + 1] ?? "";
    counts[event] = (counts[event] ?? 0) + 1;
  }
  return counts;
}

/** Redis after a FLUSHALL, for this test's keys. */
export async function flushQueues(redis: TestRedis): Promise<void> {
  for (const key of await redis.keys()) await redis.client.unlink(`${redis.prefix}${key}`);
}

/** Adds any data as a job, as somebody would who does not care for the contract. */
export function addJob(redis: TestRedis, name: string, id: string, data: object, options: JobsOptions = {}) {
  return withQueue(redis, name, async (queue) => {
    await queue.add(name, data, { jobId: id, removeOnComplete: true, ...options });
  });
}
