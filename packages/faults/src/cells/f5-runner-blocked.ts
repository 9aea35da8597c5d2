import { chooseRunner } from "@control-plane/local-stack";
import { supervise } from "@control-plane/local-stores";
import { defineCell } from "../cell.ts";
import { SHORT } from "../stage.ts";

/** A runner whose only thread is busy is as silent as a dead one; one that beats from another thread keeps its run. */
export const runnerBlocked = defineCell({
  id: "F5",
  title: "the runner's event loop is blocked in the middle of a step; the Python runner's step is busy",
  async play(play) {
    const { stage, runner, send, settle, until, count, must } = play;
    await play.begin();
    const slow = await play.receiver({ steps: [{ key: "slow", action: "core.sleep", input: { seconds: 2 } }] });
    const sending = send({ receivers: [slow], count: 8 });
    await until(
      async () => (await count("select 1 from workflow_runs where status = 'RUNNING'")) > 0,
      60,
      "runs are held",
    );
    runner.signal("SIGUSR2");
    await until(async () => (await count("select 1 from workflow_runs where attempt > 1")) > 0, 60, "the lease lapses");
    await sending;
    await settle();
    await runner.stop();

    const busySeconds = SHORT.leaseSeconds * 2;
    const busy = await play.receiver({
      steps: [{ key: "busy", action: "core.sleep", input: { seconds: busySeconds } }],
    });
    const { spec, note } = await chooseRunner(stage.input, () => {});
    if (!note.startsWith("runner-python")) {
      must(process.env.REQUIRE_ALL !== "1", "there is no Python for its runner");
      return;
    }
    const python = await supervise({ ...spec, stopSignal: "TERM", graceSeconds: 10 });
    const sent = await send({ receivers: [busy], count: 1 });
    await settle();
    await python.stop();
    must(
      (await count("select 1 from workflow_runs where id = $1 and attempt = 1 and status = 'SUCCEEDED'", [
        sent.acknowledged[0]?.runId,
      ])) === 1,
      `a Python runner whose step took ${busySeconds} s lost its run`,
    );
  },
});
