import { randomUUID } from "node:crypto";
import { runRequested } from "@control-plane/queue";
import { expect } from "vitest";
import { lapseLease } from "./passed-time.ts";
import { countQueueEvents, jobIdsIn } from "./queues.ts";
import { test } from "./replica.ts";
import { ACTION_SECRET, callHook, cutPostgres } from "./service.ts";
import { runStatusesOf } from "./stored-state.ts";

const PATH = "/crons/tick";
const QUEUE = runRequested.name;

/** As Hasura v2.48 sends it. */
const delivery = () => ({
  scheduled_time: "2026-01-01T00:00:00Z",
  payload: {},
  name: "tick",
  id: randomUUID(),
  comment: "the safety net",
});

test("without any loop a tick sweeps, and then dispatches into the slots that became free", async ({
  db,
  world,
  redis,
  service,
}) => {
  const acme = await world.tenant({ maxConcurrentRuns: 1 });
  const workflow = await acme.workflow();
  const lost = await workflow.run({ status: "RUNNING", maxAttempts: 1 });
  await lapseLease(db, lost);
  const waiting = await workflow.run();

  const reply = await callHook(service, PATH, delivery());

  expect([reply.status, reply.body]).toEqual([200, { ok: true }]);
  expect(await runStatusesOf(acme)).toEqual(["FAILED", "QUEUED"]);
  expect(await jobIdsIn(redis, QUEUE)).toEqual([`${waiting.id}_1`]);
});

test("the same tick again, and two at once, do everything once", async ({ db, world, redis, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  for (let index = 0; index < 5; index++) await workflow.run();
  await lapseLease(db, await workflow.run({ status: "RUNNING" }));
  const body = delivery();

  const replies = await Promise.all([callHook(service, PATH, body), callHook(service, PATH, body)]);
  const after = await acme.runs();
  replies.push(await callHook(service, PATH, body));

  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(after.map(({ status, attempt }) => `${status} ${attempt}`)).toEqual([
    ...Array(5).fill("QUEUED 1"),
    "PENDING 2",
  ]);
  expect(await acme.runs()).toEqual(after);
  expect(await countQueueEvents(redis, QUEUE)).toEqual({ added: 5, waiting: 5 });
});

test("a tick that comes late or out of order does the same", async ({ world, service }) => {
  const acme = await world.tenant();
  await (await acme.workflow()).run();

  const reply = await callHook(service, PATH, { ...delivery(), scheduled_time: "2019-01-01T00:00:00Z" });

  expect(reply.status).toBe(200);
  expect(await runStatusesOf(acme)).toEqual(["QUEUED"]);
});

test("without the right secret nothing is done, and the body is not looked at", async ({ world, service }) => {
  const acme = await world.tenant();
  await (await acme.workflow()).run();

  const replies = [];
  for (const secret of [null, "", "the-secret-of-hasura-event", ACTION_SECRET])
    for (const body of [delivery(), "{ no json"]) replies.push(await callHook(service, PATH, body, secret));

  expect(replies.map(({ status, code }) => [status, code])).toEqual(replies.map(() => [401, "UNAUTHENTICATED"]));
  expect(await runStatusesOf(acme)).toEqual(["PENDING"]);
});

test("a malformed tick is refused and does nothing", async ({ world, service }) => {
  const acme = await world.tenant();
  await (await acme.workflow()).run();
  const bodies = [
    {},
    null,
    { ...delivery(), id: undefined },
    { ...delivery(), id: "" },
    { ...delivery(), scheduled_time: "noon" },
    "{ no json",
  ];

  const replies = [];
  for (const body of bodies) replies.push(await callHook(service, PATH, body));

  expect(replies.map(({ status, code }) => [status, code])).toEqual(bodies.map(() => [400, "BAD_INPUT"]));
  expect(await runStatusesOf(acme)).toEqual(["PENDING"]);
});

test("with Redis away the tick asks to be repeated, and has swept what needs no Redis", async ({
  db,
  world,
  replica,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  await lapseLease(db, await workflow.run({ status: "RUNNING", maxAttempts: 1 }));
  await workflow.run();
  replica.wire.cut();

  const away = await callHook(replica, PATH, delivery());
  const meanwhile = await runStatusesOf(acme);
  replica.wire.restore();

  expect(away.status).toBeGreaterThanOrEqual(500);
  expect(meanwhile).toEqual(["FAILED", "PENDING"]);
  await expect.poll(async () => (await callHook(replica, PATH, delivery())).status).toBe(200);
  expect(await runStatusesOf(acme)).toEqual(["FAILED", "QUEUED"]);
});

test("with PostgreSQL away the tick asks to be repeated, and the repeat does the work", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  await (await acme.workflow()).run();
  const reopen = await cutPostgres(db, service);
  const body = delivery();

  const away = await callHook(service, PATH, body);
  await reopen();
  const back = await callHook(service, PATH, body);

  expect([away.status, away.code, back.status]).toEqual([503, "UNAVAILABLE", 200]);
  expect(await runStatusesOf(acme)).toEqual(["QUEUED"]);
});
