import { randomUUID } from "node:crypto";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { test as base, expect } from "vitest";
import { z } from "zod";
import { type Consumer, createPublisher, type Publisher, startConsumer } from "../src/index.ts";
import type { QueueContract } from "../src/queue-contract.ts";

type Handlers<P extends object> = {
  handle?: (payload: P) => Promise<void>;
  onUnreadable?: (job: { id: string; data: unknown; reason: string }) => Promise<void>;
};

/** Both ends of a queue in real Redis, under a prefix of the test's own; everything is closed after the test. */
export type Ends = {
  publisher<P extends object>(contract: QueueContract<P>): Promise<Publisher<P>>;
  consumer<P extends object>(contract: QueueContract<P>, handlers: Handlers<P>): Consumer;
  /** BullMQ's own view, as a runner in another language has it. */
  raw(name: string): Queue;
};

// biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
export const test = base.extend("ends", async ({}, { onCleanup }): Promise<Ends> => {
  const connection = { url: z.string().parse(process.env["REDIS_URL"]), prefix: `test-${randomUUID()}` };
  const client = new Redis(connection.url, { maxRetriesPerRequest: null });
  const open: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  onCleanup(async () => {
    for (const thing of open.reverse()) await thing.close();
    const keys = await client.keys(`${connection.prefix}*`);
    if (keys.length > 0) await client.unlink(...keys);
    await client.quit();
  });
  return {
    async publisher(contract) {
      const publisher = keep(createPublisher(contract, connection, () => undefined));
      await expect
        .poll(() =>
          publisher.ping().then(
            () => "there",
            () => "away",
          ),
        )
        .toBe("there");
      return publisher;
    },
    consumer: (contract, { handle = async () => undefined, onUnreadable = async () => undefined }) =>
      keep(startConsumer(contract, connection, { concurrency: 2, handle, onUnreadable, onError: () => undefined })),
    raw: (name) => keep(new Queue(name, { connection: client, prefix: connection.prefix })),
  };
});
