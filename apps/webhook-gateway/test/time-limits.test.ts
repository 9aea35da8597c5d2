import { openStoreWire } from "@control-plane/testkit";
import { expect } from "vitest";
import { send, test } from "./service.ts";

const WAIT_MS_MAX = 2_000;

test("a table that stays locked is answered 503 with Retry-After, and intake goes on when it is free", async ({
  start,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const service = await start({ waitMsMax: WAIT_MS_MAX });
  const blocker = await db.pool.connect();
  await blocker.query("begin; lock table webhook_deliveries in access exclusive mode");

  const answers = await Promise.all(Array.from({ length: 60 }, () => send(service, hook, "{}")));
  await blocker.query("rollback");
  blocker.release();

  expect(new Set(answers.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(["503 UNAVAILABLE"]));
  expect(answers[0]?.headers["retry-after"]).toMatch(/^[1-9]/);
  await expect.poll(async () => (await send(service, hook, "{}")).status).toBe(202);
});

test("what one tenant's transaction locks costs the webhooks of that tenant alone", async ({
  start,
  world,
  addHook,
  db,
}) => {
  const [acme, other] = [await world.tenant(), await world.tenant()];
  const workflow = await acme.workflow();
  const [locked, free] = [await addHook(workflow), await addHook(await other.workflow())];
  const service = await start({ waitMsMax: WAIT_MS_MAX });
  const blocker = await db.pool.connect();
  await blocker.query("begin");
  await blocker.query("select from workflows where id = $1 for update", [workflow.id]);

  const rounds = [];
  for (let round = 0; round < 5; round++)
    rounds.push(
      ...(await Promise.all(
        Array.from({ length: 10 }, async () => ({
          locked: (await send(service, locked, "{}")).status,
          free: (await send(service, free, "{}")).status,
        })),
      )),
    );
  await blocker.query("rollback");
  blocker.release();

  expect(new Set(rounds.map((round) => round.locked))).toEqual(new Set([503]));
  expect(new Set(rounds.map((round) => round.free))).toEqual(new Set([202]));
  expect(await other.runs()).toHaveLength(50);
});

test("a database that hangs is answered 503, and used again when it goes on", async ({ start, world, addHook, db }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const wire = await openStoreWire(db.urlAs("cp_gateway"));
  const service = await start({ databaseUrl: wire.url, waitMsMax: WAIT_MS_MAX });
  await send(service, hook, "{}");

  wire.hang();
  const hanging = await Promise.all(Array.from({ length: 30 }, () => send(service, hook, "{}")));
  wire.restore();

  expect(new Set(hanging.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(["503 UNAVAILABLE"]));
  await expect.poll(async () => (await send(service, hook, "{}")).status).toBe(202);
  await wire.close();
});
