import { expect } from "vitest";
import { dispatchPass } from "../src/domain/dispatch-pass.ts";
import { sweepPass } from "../src/domain/sweep-pass.ts";
import { cutPostgres, type Service, test } from "./service.ts";

/** Values of one metric by what stands between its braces. */
async function read(service: Service, name: string): Promise<Record<string, string>> {
  const { body } = await service.server.inject("/metrics");
  const lines = [...body.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, "gm"))];
  return Object.fromEntries(
    lines.map(([, labels = "", value = ""]) => [labels.replace(/,?service="[^"]*"/, ""), value]),
  );
}

test("open runs are counted by status, and the oldest that is due tells how long it waits", async ({
  db,
  service,
  world,
}) => {
  const workflow = await (await world.tenant()).workflow();
  await workflow.run({ status: "RUNNING" });
  await workflow.run({ status: "SUCCEEDED" });
  const waiting = [await workflow.run(), await workflow.run()];
  await db.pool.query("update workflow_runs set run_at = now() - interval '90 s' where id = $1", [waiting[0]?.id]);

  const runs = await read(service, "runs");
  const oldest = await read(service, "oldest_pending_run_seconds");

  expect(runs).toEqual({
    'status="PENDING"': "2",
    'status="QUEUED"': "0",
    'status="RUNNING"': "1",
    'status="CANCELLING"': "0",
  });
  expect(Number(oldest[""])).toBeGreaterThanOrEqual(90);
});

test("dispatch observes how long runs were due, and the sweep counts runners that were lost", async ({
  db,
  service,
  world,
}) => {
  const workflow = await (await world.tenant()).workflow();
  const lost = await workflow.run({ status: "RUNNING", maxAttempts: 1 });
  await db.pool.query("update workflow_runs set lease_expires_at = now() - interval '1 s' where id = $1", [lost.id]);
  await workflow.run();

  await sweepPass(service.deps);
  await dispatchPass(service.deps);

  expect(await read(service, "run_leases_lapsed_total")).toEqual({ "": "1" });
  expect(await read(service, "dead_letters_total")).toEqual({ 'kind="RUN"': "1" });
  expect(await read(service, "run_dispatch_lag_seconds_count")).toEqual({ "": "1" });
});

test("with PostgreSQL away the metrics still answer, and do not make up numbers", async ({ db, service }) => {
  const mend = await cutPostgres(db, service);

  const runs = await read(service, "runs");
  const pool = await read(service, "database_pool_waiting");
  await mend();

  expect(runs['status="PENDING"']).toBe("Nan");
  expect(pool).toEqual({ 'work="bulk"': "0", 'work="request"': "0", 'work="runner"': "0", 'work="loop"': "0" });
});
