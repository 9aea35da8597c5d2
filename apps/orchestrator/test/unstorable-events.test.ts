import { deadLetters } from "@control-plane/db";
import { runEvents, signRunEvents } from "@control-plane/queue";
import { expect } from "vitest";
import { startRunEventsConsumer } from "../src/consumers/run-events.ts";
import { takeRunEvents } from "../src/domain/take-run-events.ts";
import { addJob } from "./queues.ts";
import { test } from "./service.ts";

const AT = "2026-01-01T00:00:00.000Z";

test("queued events that PostgreSQL cannot hold become dead letters at once, which keep the job", async ({
  db,
  runner,
  service,
  world,
}) => {
  const workflow = await (await world.tenant()).workflow();
  const run = await workflow.run({ status: "QUEUED" });
  const { lease } = await runner.claim(run.id);
  const before = await run.row();
  const events = [
    { seq: 1, at: AT, type: "run.succeeded", output: "a\u0000b" },
    { seq: 1, at: AT, type: "run.succeeded", output: "\ud83d" },
    { seq: 1, at: "0000-01-01T00:00:00Z", type: "step.started", stepKey: "echo" },
    { seq: 2_147_483_648, at: AT, type: "step.started", stepKey: "echo" },
    { seq: 1, at: AT, type: "run.succeeded", output: JSON.parse("[".repeat(600) + "]".repeat(600)) },
  ];

  const outcomes = [];
  for (const event of events) {
    const body = JSON.stringify({ events: [event] });
    const job = { runId: run.id, attempt: 1, body, signature: signRunEvents(lease.leaseToken, body) };
    outcomes.push(await takeRunEvents(service.deps, job));
  }

  expect(outcomes).toEqual(events.map(() => "dead-letter"));
  const letters = await db.db.select().from(deadLetters);
  expect(letters.map(({ reason, referenceId }) => [reason, referenceId])).toEqual(
    events.map(() => ["EVENT_UNREADABLE", run.id]),
  );
  expect(letters[0]?.payload).toMatchObject({ runId: run.id, body: expect.stringContaining("\\u0000") });
  expect(await run.row()).toEqual(before);
});

test("a job that PostgreSQL cannot hold becomes a dead letter without its content", async ({ db, redis, service }) => {
  const consumer = startRunEventsConsumer(service.deps, { url: redis.url, prefix: redis.prefix });
  await addJob(redis, runEvents.name, "half-a-pair", { contractVersion: 1, runId: "\ud83d", body: "a\u0000b" });

  await expect.poll(() => db.db.select().from(deadLetters)).toHaveLength(1);
  await consumer.close();

  const [letter] = await db.db.select().from(deadLetters);
  expect(letter).toMatchObject({ kind: "RUN_EVENT", reason: "EVENT_UNREADABLE", payload: { truncated: true } });
});
