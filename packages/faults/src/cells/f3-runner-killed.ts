import type { FailpointName } from "@control-plane/service-kit/failpoint";
import { defineCell } from "../cell.ts";
import { SHORT } from "../stage.ts";

const FAILPOINTS = [
  "runner.before-claim",
  "runner.mid-step",
  "runner.after-effect",
  "runner.after-event",
] as const satisfies readonly FailpointName[];

/** kill -9 of the runner: the lease lapses, another attempt goes on, and no attempt does a step twice. */
export const runnerKilled = defineCell({
  id: "F3",
  title: "kill -9 of the runner at each of its failpoints",
  failpoints: FAILPOINTS,
  async play({ stage, begin, runner, send, random, size, awaitDeath, within, settle, until, count }) {
    const receivers = await begin({ runner: false });
    for (const failpoint of FAILPOINTS) {
      await runner.start({ failpoints: `${failpoint}:kill@${random.int(1, 20)}` });
      const sending = send({ receivers, count: Math.ceil(size / FAILPOINTS.length) });
      await awaitDeath(runner, failpoint);
      const diedAt = performance.now();
      const { rows } = await stage.pool.query<{ id: string; attempt: number }>(
        "select id, attempt from workflow_runs where status in ('RUNNING','CANCELLING')",
      );
      await runner.start();
      await until(
        async () =>
          (await count(
            "select 1 from workflow_runs r join unnest($1::uuid[], $2::int[]) as h (id, attempt) on h.id = r.id and h.attempt = r.attempt where r.status = 'RUNNING'",
            [rows.map(({ id }) => id), rows.map(({ attempt }) => attempt)],
          )) === 0,
        SHORT.leaseSeconds + 30,
        "what the dead runner held is over or held anew",
      );
      within(
        performance.now() - diedAt,
        (SHORT.leaseSeconds + 10) * 1_000,
        `nothing is held by the dead after ${failpoint}`,
      );
      await sending;
      await runner.stop();
    }
    await runner.start();
    await settle();
  },
});
