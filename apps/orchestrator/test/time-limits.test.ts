import { expect } from "vitest";
import { dispatchPass } from "../src/domain/dispatch-pass.ts";
import { test as base, callRunner, environment, RUNNER_TOKEN, startService } from "./service.ts";

/** The service with the limits that production has. */
const test = base.extend("hasty", async ({ db, redis, runner }, { onCleanup }) => {
  const service = await startService({
    ...environment({ databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: redis.url, queuePrefix: redis.prefix }),
    DATABASE_WAIT_MS_MAX: "2000",
    DATABASE_POOL_MAX: "10",
  });
  onCleanup(() => service.close());
  runner.connect(service.server, RUNNER_TOKEN);
  return service;
});

test("a locked run costs the calls about that run; other runs, and dispatch, go on", async ({
  db,
  runner,
  hasty,
  world,
}) => {
  const workflow = await (await world.tenant()).workflow();
  const [locked, free, due] = [
    await workflow.run({ status: "QUEUED" }),
    await workflow.run({ status: "QUEUED" }),
    await workflow.run(),
  ];
  const [held, other] = [await runner.claim(locked.id), await runner.claim(free.id)];
  const holder = await db.pool.connect();
  await holder.query("begin");
  await holder.query("select from workflow_runs where id = $1 for update", [locked.id]);
  const beat = (runId: string, token: string) => callRunner(hasty, runId, "heartbeat", token, { attempt: 1 });

  const [stuck, alive] = await Promise.all([
    Promise.all(Array.from({ length: 12 }, () => beat(locked.id, held.lease.leaseToken))),
    beat(free.id, other.lease.leaseToken),
    dispatchPass({ ...hasty.deps, db: hasty.deps.loopDb }),
  ]);
  await holder.query("rollback");
  holder.release();

  expect(new Set(stuck.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(["503 UNAVAILABLE"]));
  expect(stuck[0]?.headers["retry-after"]).toMatch(/^[1-9]/);
  expect(alive.status).toBe(200);
  expect((await due.row()).status).toBe("QUEUED");
  expect((await beat(locked.id, held.lease.leaseToken)).status).toBe(200);
});
