import { createServer } from "node:net";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { watchLeaks } from "../src/index.ts";

test("a Redis connection left open is found, a closed one is not", async () => {
  const watch = watchLeaks();
  const client = new Redis(process.env.REDIS_URL ?? "");
  await client.ping();

  const open = await watch.find();
  await client.quit();

  expect([open, await watch.find()]).toEqual([["a Redis connection"], []]);
});

test("a server that still listens is found", async () => {
  const watch = watchLeaks();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));

  const open = await watch.find();
  await new Promise<void>((resolve) => server.close(() => resolve()));

  expect([open, await watch.find()]).toEqual([["a listening server"], []]);
});
