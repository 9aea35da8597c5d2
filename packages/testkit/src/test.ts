import "./to-be-refused.ts";
import { test as base } from "vitest";
import { createActions } from "./actions.ts";
import { createClock } from "./clock.ts";
import { openHttpDouble } from "./http-double.ts";
import { watchLeaks } from "./leaks.ts";
import { createRunnerDouble } from "./runner/runner-double.ts";
import { openTestDatabase } from "./test-database.ts";
import { createTestKeys } from "./test-keys.ts";
import { openTestLogs } from "./test-logs.ts";
import { openTestRedis } from "./test-redis.ts";
import { createWorld } from "./world/world.ts";

/**
 * vitest's `test` with lazy fixtures: what a test does not name is not made. The README tells what each one gives.
 * A leaked PostgreSQL session fails its test; a leaked Redis or MongoDB connection or a server that still listens fails
 * the file.
 */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
  .extend("leaks", { scope: "file", auto: true }, ({}, { onCleanup }) => {
    const watch = watchLeaks();
    onCleanup(async () => {
      const left = await watch.find();
      if (left.length > 0) throw new Error(`the test file left open: ${left.join(", ")}`);
    });
    return watch;
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("db", async ({}, { onCleanup }) => {
    const database = await openTestDatabase();
    onCleanup(() => database.close());
    return database;
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("redis", async ({}, { onCleanup }) => {
    const redis = await openTestRedis();
    onCleanup(() => redis.close());
    return redis;
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("logs", async ({}, { onCleanup }) => {
    const logs = await openTestLogs();
    onCleanup(() => logs.close());
    return logs;
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("http", async ({}, { onCleanup }) => {
    const double = await openHttpDouble();
    onCleanup(() => double.close());
    return double;
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("clock", ({}) => createClock())
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("actions", ({}) => createActions())
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("runner", ({}, { onCleanup }) => {
    const runner = createRunnerDouble();
    onCleanup(() => runner.close());
    return runner;
  })
  .extend("keys", ({ db }) => createTestKeys(db.db))
  .extend("world", ({ db }) => createWorld(db.db));
