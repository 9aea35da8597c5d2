import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Engine } from "../../src/engine.ts";
import type { Metadata } from "../../src/metadata/metadata.ts";
import { type Outside, type OutsideAnswer, startOutside } from "../outside.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";
import { metadataOf, startEngine, watched } from "./world.ts";

let database: TestDatabase;
let webhook: Outside;
let answer: (path: string) => OutsideAnswer | Promise<OutsideAnswer>;
const open: Engine[] = [];

beforeAll(async () => {
  database = await createTestDatabase("create table notes (id int primary key, text text)");
});
beforeEach(async () => {
  answer = () => ({ body: "{}" });
  webhook = await startOutside(({ path }) => answer(path));
  await database.pool.query("drop schema if exists embedded_hdb cascade; truncate notes");
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
  await webhook.close();
});
afterAll(() => database.drop());

async function start(metadata: Metadata, env: Readonly<Record<string, string>> = {}): Promise<Engine> {
  const engine = await startEngine(database.url, metadata, env);
  open.push(engine);
  return engine;
}

async function stop(engine: Engine): Promise<void> {
  open.splice(open.indexOf(engine), 1);
  await engine.close();
}

const bodySchema = z.object({ id: z.string(), delivery_info: z.object({ current_retry: z.int() }) });
const received = () => webhook.calls().map(({ body }) => bodySchema.parse(JSON.parse(body)));

const log = async (): Promise<unknown[]> =>
  (await database.pool.query("select tries, delivered, error, locked_at is null as free from embedded_hdb.event_log"))
    .rows;

test("an event whose engine died between claim and delivery is delivered once its lock is old", async () => {
  const engine = await start(metadataOf([watched("notes", webhook.url)]));
  await stop(engine);
  await database.pool.query("insert into notes values (1)");
  await database.pool.query("update embedded_hdb.event_log set locked_at = now() - interval '31 minutes'");

  await start(metadataOf([watched("notes", webhook.url)]));

  await expect.poll(log).toEqual([{ tries: 1, delivered: true, error: false, free: true }]);
  expect(received()).toHaveLength(1);
});

test("a lock that is not old is respected", async () => {
  const engine = await start(metadataOf([watched("notes", webhook.url)]));
  await stop(engine);
  await database.pool.query("insert into notes values (1)");
  await database.pool.query("update embedded_hdb.event_log set locked_at = now() - interval '29 minutes'");

  await start(metadataOf([watched("notes", webhook.url)]));
  await database.pool.query("insert into notes values (2)");

  await expect.poll(() => received().length).toBe(1);
  expect(webhook.calls()[0]?.body).toContain('"id": 2');
});

test("two engines on one database deliver each event once", async () => {
  const metadata = metadataOf([watched("notes", webhook.url)]);
  await Promise.all([start(metadata), start(metadata)]);

  await database.pool.query("insert into notes select generate_series(1, 300)");

  await expect.poll(async () => (await log()).filter((row) => JSON.stringify(row).includes("true,")).length).toBe(300);
  expect(received()).toHaveLength(300);
  expect(new Set(received().map(({ id }) => id)).size).toBe(300);
});

test("an event that waits for its next attempt outlives a restart with the same id", async () => {
  answer = () => ({ status: 500, body: "{}" });
  const metadata = metadataOf([watched("notes", webhook.url, { retries: 1, intervalSeconds: 1 })]);
  const engine = await start(metadata);
  await database.pool.query("insert into notes values (1)");
  await expect.poll(log).toEqual([{ tries: 1, delivered: false, error: false, free: true }]);
  await stop(engine);
  answer = () => ({ body: "{}" });

  await start(metadata);

  await expect.poll(log).toEqual([{ tries: 2, delivered: true, error: false, free: true }]);
  expect(received().map(({ delivery_info }) => delivery_info.current_retry)).toEqual([0, 1]);
  expect(new Set(received().map(({ id }) => id)).size).toBe(1);
});

test("a stop waits for a delivery under way", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  answer = async () => {
    await held;
    return { body: "{}" };
  };
  const engine = await start(metadataOf([watched("notes", webhook.url)]));
  await database.pool.query("insert into notes values (1)");
  await expect.poll(() => webhook.calls().length).toBe(1);

  const stopped = stop(engine);
  release();
  await stopped;

  expect(await log()).toEqual([{ tries: 1, delivered: true, error: false, free: true }]);
});

test("a stop unlocks what a slow webhook keeps, without counting an attempt", async () => {
  answer = () => new Promise(() => {});
  const engine = await start(metadataOf([watched("notes", webhook.url)]));
  await database.pool.query("insert into notes values (1)");
  await expect.poll(() => webhook.calls().length).toBe(1);

  await stop(engine);

  expect(await log()).toEqual([{ tries: 0, delivered: false, error: false, free: true }]);
});

test("Retry-After is honoured even when no retries are left", async () => {
  let calls = 0;
  answer = () => {
    calls += 1;
    return calls === 1 ? { status: 503, headers: { "retry-after": "1" }, body: "{}" } : { body: "{}" };
  };
  await start(metadataOf([watched("notes", webhook.url, { retries: 0, intervalSeconds: 600 })]));

  await database.pool.query("insert into notes values (1)");

  await expect.poll(log).toEqual([{ tries: 2, delivered: true, error: false, free: true }]);
});

test("Retry-After decides the pause instead of the configured interval", async () => {
  answer = () => ({ status: 503, headers: { "retry-after": "3000" }, body: "{}" });
  await start(metadataOf([watched("notes", webhook.url, { retries: 1, intervalSeconds: 1 })]));

  await database.pool.query("insert into notes values (1)");

  await expect.poll(log).toEqual([{ tries: 1, delivered: false, error: false, free: true }]);
  const { rows } = await database.pool.query(
    "select next_retry_at > now() + interval '2900 seconds' as later from embedded_hdb.event_log",
  );
  expect(rows).toEqual([{ later: true }]);
});

test("a redirect is a failure, and no attempts left make an error", async () => {
  answer = (path) =>
    path === "/elsewhere" ? { body: "{}" } : { status: 302, headers: { location: "/elsewhere" }, body: "" };
  await start(metadataOf([watched("notes", webhook.url)]));

  await database.pool.query("insert into notes values (1)");

  await expect.poll(log).toEqual([{ tries: 1, delivered: false, error: true, free: true }]);
  expect(webhook.calls().map(({ path }) => path)).toEqual(["/"]);
});

test.each([
  ["one byte a character", "x".repeat(100_000), 65_536],
  ["three bytes a character", "€".repeat(40_000), 65_535],
])("an invocation keeps the answer, long bodies cut after whole characters: %s", async (_case, body, bytes) => {
  answer = () => ({ status: 418, body });
  await start(metadataOf([watched("notes", webhook.url)]));

  await database.pool.query("insert into notes values (1)");

  await expect
    .poll(async () => {
      const { rows } = await database.pool.query(
        "select attempt, status, octet_length(response_body) as bytes, $1 like response_body || '%' as begins from embedded_hdb.event_invocations",
        [body],
      );
      return rows;
    })
    .toEqual([{ attempt: 1, status: 418, bytes, begins: true }]);
});

test("no more deliveries are under way than the pool holds", async () => {
  let underWay = 0;
  let most = 0;
  answer = async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return { body: "{}" };
  };
  await start(metadataOf([watched("notes", webhook.url)]), { HASURA_GRAPHQL_EVENTS_HTTP_POOL_SIZE: "3" });

  await database.pool.query("insert into notes select generate_series(1, 60)");

  await expect.poll(() => received().length).toBe(60);
  expect(most).toBeLessThanOrEqual(3);
});
