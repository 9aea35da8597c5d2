import { Redis } from "ioredis";
import { storeUrl } from "./store-urls.ts";
import { uniqueName } from "./unique.ts";

export type TestRedis = {
  readonly url: string;
  /** Goes before every key of the test: what a service gets as `QUEUE_PREFIX`. */
  readonly prefix: string;
  readonly client: Redis;
  /** Keys of the test, without the prefix. */
  keys(): Promise<string[]>;
};

export async function openTestRedis(): Promise<TestRedis & { close(): Promise<void> }> {
  const url = storeUrl("REDIS_URL");
  const prefix = uniqueName("testkit");
  const client = new Redis(url, { maxRetriesPerRequest: null });
  const find = async () => {
    const found: string[] = [];
    for await (const batch of client.scanStream({ match: `${prefix}*`, count: 1000 })) found.push(...batch);
    return found;
  };
  return {
    url,
    prefix,
    client,
    keys: async () => (await find()).map((key) => key.slice(prefix.length)).sort(),
    async close() {
      const left = await find();
      if (left.length > 0) await client.unlink(...left);
      await client.quit();
    },
  };
}
