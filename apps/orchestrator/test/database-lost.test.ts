import { expect } from "vitest";
import { test } from "./service.ts";

test("a connection lost in the middle of a transaction costs the call, not the process", async ({
  db,
  runner,
  service,
  world,
}) => {
  const workflow = await (await world.tenant()).workflow();
  const run = await workflow.run({ status: "QUEUED" });
  const attempt = await runner.claim(run.id);
  const [end] = attempt.number({ type: "run.succeeded", output: 1 });
  const holder = await db.pool.connect();
  await holder.query("begin");
  await holder.query("select 1 from workflow_runs for update");
  const call = attempt.sendNumbered(end === undefined ? [] : [end]);
  const waiting =
    "select pid from pg_stat_activity where application_name like 'orchestrator %' and wait_event_type = 'Lock' and datname = $1";
  await expect.poll(async () => (await db.pool.query(waiting, [db.name])).rowCount).toBe(1);

  await db.pool.query(`select pg_terminate_backend(pid) from (${waiting}) w`, [db.name]);
  const lost = await call;
  await holder.query("rollback");
  holder.release();
  const again = await attempt.sendNumbered(end === undefined ? [] : [end]);

  expect(lost).toMatchObject({ outcome: "refused", status: 503, code: "UNAVAILABLE" });
  expect(again).toMatchObject({ outcome: "accepted", status: "SUCCEEDED" });
  expect(service.deps.pool.waitingCount).toBe(0);
});
