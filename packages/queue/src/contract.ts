import { type Job, type JobsOptions, Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis, type RedisOptions } from "ioredis";
import { z } from "zod";

/** One queue as both ends know it. */
export type QueueContract<P extends object> = {
  name: string;
  contractVersion: number;
  payload: z.ZodType<P>;
  /** The same payload gives the same id, so that publishing twice is harmless. No `:`, not an integer. */
  jobId(payload: P): string;
  options: JobsOptions;
};

export function defineQueue<P extends object>(contract: QueueContract<P>): QueueContract<P> {
  return contract;
}

/** What must hold at both ends to meet in Redis. */
export type QueueConnection = { url: string; prefix: string };

/** A Redis that is away must be noticed, not waited for: the row stays and is published later. */
const COMMAND_MS_MAX = 2_000;
const RECONNECT_MS_MAX = 2_000;

const retryStrategy = (times: number): number => Math.min(times * 100, RECONNECT_MS_MAX);

const publisherOptions = {
  commandTimeout: COMMAND_MS_MAX,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  lazyConnect: false,
  retryStrategy,
} satisfies RedisOptions;

export type Publisher<P extends object> = {
  publish(payload: P): Promise<void>;
  /** All in one round trip. */
  publishMany(payloads: readonly P[]): Promise<void>;
  /** Whether the payload's job still lies in the queue in a state from which it will be worked on. */
  isWaiting(payload: P): Promise<boolean>;
  /** Removes what lies there, so that the same id can be added again. */
  remove(payload: P): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** Parses, then adds the flat job `{ contractVersion, …payload }`. Rejects within 2 s while Redis is away. */
export function createPublisher<P extends object>(
  contract: QueueContract<P>,
  connection: QueueConnection,
  onError: (error: Error) => void,
): Publisher<P> {
  const redis = new Redis(connection.url, publisherOptions);
  redis.on("error", onError);
  const queue = new Queue(contract.name, {
    connection: redis,
    prefix: connection.prefix,
    defaultJobOptions: contract.options,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  });
  queue.on("error", onError);
  const job = (payload: P) => {
    const data = contract.payload.parse(payload);
    return {
      name: contract.name,
      data: { contractVersion: contract.contractVersion, ...data },
      opts: { ...contract.options, jobId: contract.jobId(data) },
    };
  };
  return {
    async publish(payload) {
      const { name, data, opts } = job(payload);
      await queue.add(name, data, opts);
    },
    async publishMany(payloads) {
      if (payloads.length > 0) await queue.addBulk(payloads.map(job));
    },
    async isWaiting(payload) {
      const found = await queue.getJob(contract.jobId(payload));
      if (found === undefined) return false;
      const state = await found.getState();
      return (
        state === "waiting" ||
        state === "active" ||
        state === "delayed" ||
        state === "prioritized" ||
        state === "waiting-children"
      );
    },
    async remove(payload) {
      await queue.remove(contract.jobId(payload));
    },
    async ping() {
      await redis.ping();
    },
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}

export type Consumer = { close(): Promise<void> };

/**
 * Works on the queue's jobs. A job that does not fit the contract fails for good, visibly, and is handed to
 * `onUnreadable`; what `handle` throws makes the job try again.
 */
export function startConsumer<P extends object>(
  contract: QueueContract<P>,
  connection: QueueConnection,
  options: {
    concurrency: number;
    handle: (payload: P) => Promise<void>;
    onUnreadable: (job: { id: string; data: unknown; reason: string }) => Promise<void>;
    onError: (error: Error) => void;
  },
): Consumer {
  const redis = new Redis(connection.url, { maxRetriesPerRequest: null, retryStrategy });
  redis.on("error", options.onError);
  const envelope = z.looseObject({ contractVersion: z.literal(contract.contractVersion) });
  const worker = new Worker(
    contract.name,
    async (job: Job) => {
      const data: unknown = job.data;
      const fits = envelope.safeParse(data);
      const payload = contract.payload.safeParse(data);
      if (!fits.success || !payload.success) {
        const reason = fits.success ? "the job does not fit the contract" : "the contract version is unknown";
        await options.onUnreadable({ id: job.id ?? "", data, reason });
        throw new UnrecoverableError(reason);
      }
      await options.handle(payload.data);
    },
    { connection: redis, prefix: connection.prefix, concurrency: options.concurrency },
  );
  worker.on("error", options.onError);
  return {
    async close() {
      await worker.close();
      redis.disconnect();
    },
  };
}
