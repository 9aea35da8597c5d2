import type { FailpointName } from "@control-plane/service-kit/failpoint";
import { defineCell } from "../cell.ts";
import { eventJob, holdRun } from "../runner-hand.ts";
import { LONG_LEASE, SHORT } from "../stage.ts";

/** Places that ordinary traffic reaches. */
const UNDER_LOAD = [
  "dispatch.after-select",
  "dispatch.after-commit",
  "dispatch.after-add",
  "claim.after-commit",
  "events.in-transaction",
  "events.after-commit",
] as const satisfies readonly FailpointName[];

const MINUTE_MS = 60_000;

/** kill -9 of the orchestrator: what it had begun is begun again by the next one. */
export const orchestratorKilled = defineCell({
  id: "F2",
  title: "kill -9 of the orchestrator at each of its failpoints",
  failpoints: [...UNDER_LOAD, "run-events.after-apply", "sweep.after-lease-check", "schedule.after-insert"],
  async play(play) {
    const { stage, orchestrator, runner, send, random, size, awaitDeath, settle, until, count } = play;
    const receivers = await play.begin();
    for (const failpoint of UNDER_LOAD) {
      await orchestrator.stop();
      await orchestrator.start({ failpoints: `${failpoint}:kill@${random.int(1, 3)}` });
      const sending = send({ receivers, count: Math.ceil(size / (UNDER_LOAD.length + 1)) });
      await awaitDeath(orchestrator, failpoint);
      await orchestrator.start();
      await sending;
    }
    await settle();

    // A runner that reports through the queue: the events are applied, their job is not completed.
    await runner.stop();
    await orchestrator.stop();
    await orchestrator.start(LONG_LEASE);
    await send({ receivers, count: 1 });
    const held = await holdRun(play);
    await orchestrator.stop();
    await orchestrator.start({ failpoints: "run-events.after-apply:kill" });
    const jobs = eventJob(play);
    await jobs.add(held, held.number(...held.story()));
    await awaitDeath(orchestrator, "run-events.after-apply");
    await orchestrator.start();
    await until(
      async () =>
        (await count("select 1 from workflow_runs where id = $1 and status = 'SUCCEEDED'", [held.lease.runId])) === 1,
      30,
      "the events of the queue ended their run",
    );
    await jobs.close();

    // A runner that died with a run in its hands: the sweeper dies over it, and the next one ends the attempt.
    await send({ receivers, count: 1 });
    await holdRun(play);
    await orchestrator.stop();
    await orchestrator.start({ failpoints: "sweep.after-lease-check:kill" });
    await awaitDeath(orchestrator, "sweep.after-lease-check");
    await orchestrator.start();
    await runner.start();
    await settle(SHORT.leaseSeconds + SHORT.queuedSeconds + 60);

    await play.schedule(new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS));
    await orchestrator.stop();
    await orchestrator.start({ failpoints: "schedule.after-insert:kill" });
    await awaitDeath(orchestrator, "schedule.after-insert");
    await orchestrator.start();
    await until(
      async () => (await count("select 1 from workflow_runs where source = 'SCHEDULE'")) >= 1,
      30,
      "the slot that the dead orchestrator had begun has its run",
    );
    await stage.pool.query("update triggers set enabled = false where type = 'SCHEDULE'");
    await settle();
  },
});
