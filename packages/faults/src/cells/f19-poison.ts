import { defineCell } from "../cell.ts";

const POISONS = ["throw", "kill", "memory"] as const;

/** A run that harms its runner is given up after its attempts; the others go on. */
export const poison = defineCell({
  id: "F19",
  title: "a run that throws, kills its runner, exhausts its memory, or hangs",
  async play({ stage, begin, receiver, send, size, settle, must, count, random }) {
    const receivers = await begin({ runner: false });
    const poisoned = await receiver({ maxAttempts: 2 });
    const hanging = await receiver({
      maxAttempts: 2,
      steps: [{ key: "hang", action: "core.sleep", input: { seconds: 600 }, timeoutSeconds: 1 }],
    });
    const runner = stage.runner({ RUNNER_CONCURRENCY: "8" });
    const limits = { args: ["--max-old-space-size=96"] };
    await runner.start(limits);
    let over = false;
    // As an orchestrator of containers would.
    const keptAlive = (async () => {
      while (!over) if (await runner.ended(500)) await runner.start(limits);
    })();
    const evil = await send({
      receivers: [poisoned],
      count: POISONS.length,
      body: (n) => ({ poison: POISONS[n % POISONS.length] }),
    });
    const hung = await send({ receivers: [hanging], count: 1 });
    await send({ receivers, count: Math.min(Math.ceil(size / 4), random.int(200, 400)) });
    await settle(180);
    over = true;
    await keptAlive;
    const ids = [...evil.acknowledged, ...hung.acknowledged].map(({ runId }) => runId);
    must(
      (await count(
        "select 1 from workflow_runs where id = any($1) and status in ('FAILED','TIMED_OUT') and error ->> 'code' is not null",
        [ids],
      )) === ids.length,
      "a poisoned run has not failed with a code",
    );
    must(
      (await count("select 1 from dead_letters where kind = 'RUN' and reference_id = any($1)", [ids])) >= 2,
      "the runs that killed their runner are not dead letters",
    );
    must(
      (await count("select 1 from workflow_runs where not (id = any($1)) and status <> 'SUCCEEDED'", [ids])) === 0,
      "a poisoned run took another one with it",
    );
  },
});
