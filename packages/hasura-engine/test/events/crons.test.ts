import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { type Crons, startCrons } from "../../src/events/crons.ts";
import { createOwnTables } from "../../src/events/own-tables.ts";
import type { CronTrigger } from "../../src/model/model.ts";
import { type Outside, type OutsideAnswer, startOutside } from "../outside.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let webhook: Outside;
let answer: () => OutsideAnswer;
const open: Crons[] = [];

beforeAll(async () => {
  database = await createTestDatabase("select 1");
});
beforeEach(async () => {
  answer = () => ({ body: "{}" });
  webhook = await startOutside(() => answer());
  const client = await database.pool.connect();
  await client.query("drop schema if exists embedded_hdb cascade");
  await createOwnTables(client);
  client.release();
});
afterEach(async () => {
  for (const crons of open.splice(0)) await crons.stop();
  await webhook.close();
});
afterAll(() => database.drop());

/** Its own slots lie at midnight of the first of January; the tests write the slots that are due. */
function yearly(retry: Partial<CronTrigger["retry"]> = {}): CronTrigger {
  return {
    name: "yearly",
    url: webhook.url,
    schedule: "0 0 1 1 *",
    payload: { a: 1 },
    comment: "c",
    headers: [{ name: "x-secret", value: "s" }],
    retry: { numRetries: 0, intervalSeconds: 1, timeoutSeconds: 10, toleranceSeconds: 21_600, ...retry },
  };
}

function start(...triggers: CronTrigger[]): void {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  open.push(startCrons({ pool: database.pool, triggers: () => triggers, log, checkMs: 50 }));
}

function missedSlot(ago: string): Promise<unknown> {
  return database.pool.query(
    "insert into embedded_hdb.cron_events (trigger_name, scheduled_time) values ('yearly', date_trunc('second', now()) - $1::interval)",
    [ago],
  );
}

const past = async (): Promise<unknown[]> =>
  (
    await database.pool.query(
      "select status, tries from embedded_hdb.cron_events where scheduled_time <= now() order by scheduled_time",
    )
  ).rows;

const ahead = async (): Promise<string[]> => {
  const { rows } = await database.pool.query<{ slot: string }>(
    "select to_char(scheduled_time at time zone 'UTC', 'MM-DD HH24:MI') as slot from embedded_hdb.cron_events where scheduled_time > now() order by scheduled_time",
  );
  return rows.map(({ slot }) => slot);
};

test("a slot of a downtime is delivered with its own time", async () => {
  await missedSlot("5 hours");

  start(yearly());

  await expect.poll(past).toEqual([{ status: "delivered", tries: 1 }]);
  const [call] = webhook.calls();
  const body = z
    .object({
      id: z.uuid(),
      name: z.literal("yearly"),
      scheduled_time: z.string(),
      payload: z.unknown(),
      comment: z.string(),
    })
    .strict()
    .parse(JSON.parse(call?.body ?? ""));
  expect(body).toMatchObject({ payload: { a: 1 }, comment: "c" });
  expect(body.scheduled_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(call?.headers["x-secret"]).toBe("s");
});

test("a slot later than its tolerance is dead and not delivered", async () => {
  await missedSlot("7 hours");
  await missedSlot("1 minute");

  start(yearly());

  await expect.poll(past).toEqual([
    { status: "dead", tries: 0 },
    { status: "delivered", tries: 1 },
  ]);
  expect(webhook.calls()).toHaveLength(1);
});

test("several engines deliver a slot once", async () => {
  await missedSlot("1 minute");

  start(yearly());
  start(yearly());
  start(yearly());

  await expect.poll(past).toEqual([{ status: "delivered", tries: 1 }]);
  expect(webhook.calls()).toHaveLength(1);
});

test("a failing webhook is tried again until the retries are used up", async () => {
  answer = () => ({ status: 500, body: "{}" });
  await missedSlot("1 minute");

  start(yearly({ numRetries: 1, intervalSeconds: 0 }));

  await expect.poll(past).toEqual([{ status: "error", tries: 2 }]);
  expect(webhook.calls()).toHaveLength(2);
});

test("slots are written ahead in UTC", async () => {
  start(yearly());

  await expect.poll(async () => (await ahead()).length).toBe(100);
  expect(new Set(await ahead())).toEqual(new Set(["01-01 00:00"]));
});

test("another schedule takes away the slots of the old one", async () => {
  start(yearly());
  await expect.poll(async () => (await ahead()).length).toBe(100);
  for (const crons of open.splice(0)) await crons.stop();

  start({ ...yearly(), schedule: "30 12 2 2 *" });

  await expect.poll(async () => new Set(await ahead())).toEqual(new Set(["02-02 12:30"]));
});

test("a denser schedule is written although it has the slots of the old one", async () => {
  const minutes = async () => (await ahead()).slice(0, 100).map((slot) => slot.slice(-2));
  start({ ...yearly(), schedule: "0 * * * *" });
  await expect.poll(async () => (await ahead()).length).toBe(100);
  for (const crons of open.splice(0)) await crons.stop();

  start({ ...yearly(), schedule: "*/30 * * * *" });

  await expect.poll(async () => new Set(await minutes())).toEqual(new Set(["00", "30"]));
  expect(await ahead()).toHaveLength(100);
});

test("the slots of a downtime that outlasts the log are delivered too, within the tolerance", async () => {
  // The last slot that was written ahead: nobody has touched it yet.
  await database.pool.query(
    "insert into embedded_hdb.cron_events (trigger_name, scheduled_time) values ('yearly', date_trunc('hour', now()) - interval '30 hours')",
  );

  start({ ...yearly(), schedule: "0 * * * *" });

  await expect
    .poll(async () => (await past()).filter((slot) => JSON.stringify(slot).includes("delivered")).length)
    .toBeGreaterThanOrEqual(6);
  expect((await past()).length).toBeLessThan(10);
  expect(await ahead()).not.toEqual([]);
});

test("a trigger that is new has no slots of the past", async () => {
  start({ ...yearly(), schedule: "* * * * *" });

  await expect.poll(async () => (await ahead()).length).toBeGreaterThan(50);
  expect(webhook.calls()).toEqual([]);
});

test("a slot whose engine died is taken over once its lock is old", async () => {
  await missedSlot("1 hour");
  await database.pool.query(
    "update embedded_hdb.cron_events set status = 'locked', locked_at = now() - interval '31 minutes'",
  );

  start(yearly());

  await expect.poll(past).toEqual([{ status: "delivered", tries: 1 }]);
});
