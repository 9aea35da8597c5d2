import { Queue } from "bullmq";
import { Redis, type RedisOptions } from "ioredis";
import { type QueueConnection, retryStrategy } from "./connection.ts";

/** A Redis that is away must be noticed, not waited for: the row stays and is published later. */
const COMMAND_MS_MAX = 2_000;

const redisOptions = {
  commandTimeout: COMMAND_MS_MAX,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  lazyConnect: false,
  retryStrategy,
} satisfies RedisOptions;

/** A queue with the connection that it is reached by. Commands reject within 2 s while Redis is away. */
export type OpenQueue = { queue: Queue; redis: Redis; close(): Promise<void> };

export function openQueue(name: string, connection: QueueConnection, onError: (error: Error) => void): OpenQueue {
  const redis = new Redis(connection.url, redisOptions);
  redis.on("error", onError);
  const queue = new Queue(name, {
    connection: redis,
    prefix: connection.prefix,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  });
  queue.on("error", onError);
  return {
    queue,
    redis,
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}
