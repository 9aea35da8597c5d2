import { expect } from "vitest";
import { buryFailedEvents } from "../src/domain/bury-failed-events.ts";
import { insertRunEventLetter, letterIdOf } from "../src/store/dead-letters.ts";
import { addJob, jobsIn } from "./queues.ts";
import { endedAtOnce, jobFor, QUEUE, queueIsEmpty, test } from "./run-events-jobs.ts";
import { deadLettersIn, statusOf } from "./stored-state.ts";

const LONG_TIME = `2026-01-01T00:00:00.${"0".repeat(150)}Z`;

for (const [name, spoil] of [
  ["of an unknown version", { contractVersion: 2 }],
  [
    "with a time longer than PostgreSQL reads",
    { body: JSON.stringify({ events: [{ ...endedAtOnce, at: LONG_TIME }] }) },
  ],
  ["with a signature that does not verify", { signature: "0".repeat(64) }],
] as const) {
  test(`a job ${name} leaves its id to the corrected one, though its sender wanted it kept`, async ({
    db,
    world,
    redis,
    service,
    consumer: _,
  }) => {
    const emptied = async () => {
      await buryFailedEvents(service.deps);
      return jobsIn(redis, QUEUE);
    };
    const run = await (await (await world.tenant()).workflow()).run({ status: "RUNNING" });
    const good = { contractVersion: 1, ...jobFor(run, [endedAtOnce]) };
    const kept = { attempts: 10, removeOnComplete: false, removeOnFail: false };

    await addJob(redis, QUEUE, "same", { ...good, ...spoil }, kept);
    await expect.poll(() => deadLettersIn(db)).toHaveLength(1);
    await expect.poll(emptied).toEqual([]);
    await addJob(redis, QUEUE, "same", good, kept);

    await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
    await expect.poll(emptied).toEqual([]);
    expect(await deadLettersIn(db)).toHaveLength(1);
  });
}

test("a job that failed on all its tries becomes one letter for operators and leaves its id to the corrected one", async ({
  consumer,
  db,
  redis,
  service,
  world,
}) => {
  const run = await (await (await world.tenant()).workflow()).run({ status: "RUNNING" });
  const job = jobFor(run, [endedAtOnce]);
  const data = { contractVersion: 1, ...job };
  const bury = () => buryFailedEvents(service.deps);
  await db.pool.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'on purpose'; end $$;
    create trigger t99 before update on workflow_runs for each row execute function refuse()`);

  await addJob(redis, QUEUE, "same", data, { attempts: 2, backoff: { type: "fixed", delay: 1 }, removeOnFail: true });
  await expect.poll(() => jobsIn(redis, QUEUE, ["failed"])).toHaveLength(1);
  await consumer.stop();
  await Promise.all([bury(), bury(), bury()]);
  await bury();

  expect(await deadLettersIn(db)).toMatchObject([
    {
      tenantId: null,
      kind: "RUN_EVENT",
      referenceId: run.id,
      reason: "EVENT_FAILED",
      detail: "failed on all 2 tries",
      attempts: 2,
      status: "OPEN",
      payload: data,
    },
  ]);
  expect(await jobsIn(redis, QUEUE)).toEqual([]);
  expect(await service.deps.metrics.render()).toMatch(/^dead_letters_total\{.*kind="RUN_EVENT".*\} 1$/m);
  await db.pool.query("drop trigger t99 on workflow_runs");
  consumer.start();
  await addJob(redis, QUEUE, "same", data, { attempts: 2 });
  await expect.poll(() => statusOf(run)).toBe("SUCCEEDED");
  await queueIsEmpty(redis);
});

test("who died between letter and removal makes no second letter, and a later job of the same id its own", async ({
  db,
  service,
}) => {
  const letter = (addedAt: number) => ({
    id: letterIdOf({ id: "same", addedAt }),
    tenantId: null,
    runId: undefined,
    reason: "EVENT_FAILED" as const,
    detail: "",
    data: {},
    attempts: 10,
  });

  const made = [];
  for (const addedAt of [1, 1, 2]) made.push(await insertRunEventLetter(service.deps.db, letter(addedAt)));

  expect(made).toEqual([true, false, true]);
  expect(await deadLettersIn(db)).toHaveLength(2);
});
