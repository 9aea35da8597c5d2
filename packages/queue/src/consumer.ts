import { type Job, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { z } from "zod";
import { type QueueConnection, retryStrategy } from "./connection.ts";
import type { QueueContract } from "./queue-contract.ts";

export type Consumer = { close(): Promise<void> };

/** Which job of its id: one that is added again under the same id has another time. */
export type JobName = { id: string; addedAt: number };

/**
 * Works on the queue's jobs. A job that does not fit the contract fails for good, visibly, and is handed to
 * `onUnreadable`; what `handle` throws makes the job try again. How long a job that has ended is kept, and with it its id,
 * is the contract's to say and not its sender's.
 */
export function startConsumer<P extends object>(
  contract: QueueContract<P>,
  connection: QueueConnection,
  options: {
    concurrency: number;
    handle: (payload: P, job: JobName) => Promise<void>;
    onUnreadable: (job: JobName & { data: unknown; reason: string }) => Promise<void>;
    onError: (error: Error) => void;
  },
): Consumer {
  const redis = new Redis(connection.url, { maxRetriesPerRequest: null, retryStrategy });
  redis.on("error", options.onError);
  const envelope = z.looseObject({ contractVersion: z.literal(contract.contractVersion) });
  const { removeOnComplete = false, removeOnFail = false } = contract.options;
  const worker = new Worker(
    contract.name,
    async (job: Job) => {
      job.opts.removeOnComplete = removeOnComplete;
      job.opts.removeOnFail = removeOnFail;
      const name = { id: job.id ?? "", addedAt: job.timestamp };
      const data: unknown = job.data;
      const fits = envelope.safeParse(data);
      const payload = contract.payload.safeParse(data);
      if (!fits.success || !payload.success) {
        const reason = fits.success ? "the job does not fit the contract" : "the contract version is unknown";
        await options.onUnreadable({ ...name, data, reason });
        throw new UnrecoverableError(reason);
      }
      await options.handle(payload.data, name);
    },
    { connection: redis, prefix: connection.prefix, concurrency: options.concurrency },
  );
  worker.on("error", options.onError);
  return {
    async close() {
      // Without Redis no job that runs could be reported: it comes again. Waiting for the connection would never end.
      await worker.close(redis.status !== "ready");
      redis.disconnect();
    },
  };
}
