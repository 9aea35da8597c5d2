import { afterAll, beforeAll, expect, test } from "vitest";
import { auditInvariants } from "../src/audit/audit-invariants.ts";
import { reportLines, sumLine } from "../src/audit/report.ts";
import { type FaultStores, openFaultStores } from "../src/fault-stores.ts";
import { openStage, type Stage } from "../src/stage.ts";

let stores: FaultStores;
let stage: Stage;
beforeAll(async () => {
  stores = await openFaultStores(() => {});
  stage = await openStage(stores, { root: "", kind: "source" }, { name: "audit", mongodb: undefined, statements: [] });
});
afterAll(async () => {
  await stage?.close();
  await stores?.close();
});

test("the audit finds nothing where nothing is wrong, and everything that is planted", async () => {
  const patience = { pendingSeconds: 30, queuedSeconds: 35, overdueSeconds: 10, cancelGraceSeconds: 30 };
  const audit = () =>
    auditInvariants({
      databaseUrl: stage.databaseUrl,
      redisUrl: stores.redisUrl,
      queuePrefix: "faults",
      patience,
      acknowledged: [],
      ledger: [],
    });
  const tenant = await stage.world.tenant();
  const workflow = await tenant.workflow();
  await workflow.run({ status: "CANCELLED" });
  await workflow.run();
  expect(await audit()).toEqual([]);

  const [held, queued, waiting, foreign] = [
    await workflow.run({ status: "RUNNING" }),
    await workflow.run({ status: "QUEUED" }),
    await workflow.run(),
    await workflow.run({ status: "RUNNING" }),
  ];
  const unannounced = await workflow.run({ source: "WEBHOOK" });
  // As a fault that goes past triggers and keys would.
  await stage.pool.query(`
    begin;
    set local session_replication_role = replica;
    update workflow_runs set lease_expires_at = now() - interval '1 minute' where id = '${held.id}';
    update workflow_runs set queued_at = now() - interval '1 minute' where id = '${queued.id}';
    alter table workflow_runs drop constraint workflow_runs_attempt_range;
    update workflow_runs set attempt = max_attempts + 1 where id = '${waiting.id}';
    update step_runs set tenant_id = gen_random_uuid() where workflow_run_id = '${foreign.id}';
    alter table audit_events disable trigger t05_append_only;
    delete from audit_events where target_id = '${waiting.id}';
    commit`);

  const findings = await audit();
  expect(sumLine(findings)).toBe("lost 1 dup 1 stuck 2 leaked 1 audit-gaps 1");
  expect(findings.map(({ invariant, kind, subject }) => `${invariant} ${kind} ${subject}`)).toEqual(
    expect.arrayContaining([
      `I1 lost ${unannounced.id}`,
      `I2 stuck ${held.id}`,
      `I2 stuck ${queued.id}`,
      `I4 dup ${waiting.id}`,
      `I6 audit-gaps ${waiting.id}`,
    ]),
  );
  expect(reportLines(findings).filter((line) => /^ {2}I\d/.test(line))).toHaveLength(6);
});
