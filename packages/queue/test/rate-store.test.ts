import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { openRateStore, type RateStore } from "../src/index.ts";

const url = z.string().parse(process.env["REDIS_URL"]);

async function openStores(count: number): Promise<{ stores: RateStore[]; client: Redis; prefix: string }> {
  const prefix = `test-${randomUUID()}`;
  const client = new Redis(url);
  const stores = Array.from({ length: count }, () => openRateStore({ url, prefix }, () => undefined));
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    const keys = await client.keys(`${prefix}*`);
    if (keys.length > 0) await client.unlink(...keys);
    await client.quit();
  });
  for (const store of stores)
    await expect
      .poll(() =>
        store.giveBack("warm").then(
          () => "there",
          () => "away",
        ),
      )
      .toBe("there");
  return { stores, client, prefix };
}

test("a hundred takes over two connections at once count exactly to the limit, and hear when there is room", async () => {
  const { stores } = await openStores(2);

  const waits = await Promise.all(
    Array.from({ length: 100 }, (_, index) => stores[index % 2]?.take("sign-in", 7, 60_000)),
  );

  const refused = waits.filter((wait) => wait !== 0);
  expect(waits.length - refused.length).toBe(7);
  for (const wait of refused) expect(wait).toSatisfy((ms: number) => ms > 0 && ms <= 60_000);
});

test("what left the window makes room, and a key that is not used any more goes", async () => {
  const { stores, client, prefix } = await openStores(1);
  const [store] = stores;

  const first = await store?.take("short", 1, 200);
  const second = await store?.take("short", 1, 200);

  expect([first, second]).toEqual([0, expect.any(Number)]);
  expect(second).not.toBe(0);
  await expect.poll(() => client.exists(`${prefix}:rate:short`)).toBe(0);
  await expect.poll(() => store?.take("short", 1, 200)).toBe(0);
});

test("the latest count can be taken back", async () => {
  const { stores } = await openStores(1);
  const [store] = stores;
  await store?.take("key", 1, 60_000);

  await store?.giveBack("key");

  expect(await store?.take("key", 1, 60_000)).toBe(0);
  expect(await store?.take("key", 1, 60_000)).not.toBe(0);
});

test("without Redis every call rejects at once", async () => {
  const store = openRateStore({ url: "redis://127.0.0.1:9", prefix: "nowhere" }, () => undefined);
  onTestFinished(() => store.close());

  await expect(store.take("key", 1, 60_000)).rejects.toThrow();
  await expect(store.giveBack("key")).rejects.toThrow();
});
