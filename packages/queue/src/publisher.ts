import { setImmediate as writtenOut } from "node:timers/promises";
import type { QueueConnection } from "./connection.ts";
import { openQueue } from "./open-queue.ts";
import type { QueueContract } from "./queue-contract.ts";

export type Publisher<P extends object> = {
  publish(payload: P): Promise<void>;
  /** In their order, without waiting for one before the next. */
  publishMany(payloads: readonly P[]): Promise<void>;
  /**
   * Where the payload's job is: on its way to a consumer, in the hand of a living one, or neither. A consumer that died or
   * hangs stops renewing the lock of the job it took.
   */
  findJob(payload: P): Promise<"waiting" | "held" | "lost">;
  /** Removes what lies there, so that the same id can be added again. */
  remove(payload: P): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** Redis works on so many while the next are made ready. */
const JOBS_TOGETHER = 50;

/** The states from which a job will be handed to a consumer. */
const WAITING: ReadonlySet<string> = new Set(["waiting", "delayed", "prioritized", "waiting-children"]);

/** Parses, then adds the flat job `{ contractVersion, …payload }`. Rejects within 2 s while Redis is away. */
export function createPublisher<P extends object>(
  contract: QueueContract<P>,
  connection: QueueConnection,
  onError: (error: Error) => void,
): Publisher<P> {
  const { queue, redis, close } = openQueue(contract.name, connection, onError);
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
      const adding: Promise<unknown>[] = [];
      for (let from = 0; from < payloads.length; from += JOBS_TOGETHER) {
        if (from > 0) await writtenOut();
        const added = queue.addBulk(payloads.slice(from, from + JOBS_TOGETHER).map(job));
        // Heard of below, when all are on their way.
        added.catch(() => undefined);
        adding.push(added);
      }
      await Promise.all(adding);
    },
    async findJob(payload) {
      const id = contract.jobId(payload);
      const state = await queue.getJobState(id);
      if (WAITING.has(state)) return "waiting";
      return state === "active" && (await redis.exists(queue.toKey(`${id}:lock`))) === 1 ? "held" : "lost";
    },
    async remove(payload) {
      await queue.remove(contract.jobId(payload));
    },
    async ping() {
      await redis.ping();
    },
    close,
  };
}
