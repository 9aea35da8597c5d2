import { defineCell } from "../cell.ts";
import type { Play } from "../play.ts";
import { eventJob, type HeldRun, holdRun } from "../runner-hand.ts";
import { SHORT } from "../stage.ts";

const SLOW_STEP = [{ key: "slow", action: "core.sleep", input: { seconds: 1 } }] as const;

/** The state of a run, as far as a zombie could change it. */
async function stateOf({ stage }: Play, runId: string): Promise<string> {
  const { rows } = await stage.pool.query<{ state: string }>(
    `select row_to_json(r)::text || coalesce((select json_agg(s order by s.id)::text from step_runs s where s.workflow_run_id = r.id), '') as state
       from workflow_runs r where r.id = $1`,
    [runId],
  );
  return rows[0]?.state ?? "";
}

/** Everything that a runner whose attempt was taken from it may still send; all of it must be refused. */
export async function playZombie(play: Play, zombie: HeldRun): Promise<void> {
  const { runId } = zombie.lease;
  const before = await stateOf(play, runId);
  const events = zombie.number(...zombie.story());
  for (const [what, answer] of [
    ["events", await zombie.sendNumbered(events)],
    ["a heartbeat", await zombie.heartbeat()],
    ["one event", await zombie.sendNumbered(events.slice(0, 1))],
  ] as const) {
    const code = answer.outcome === "refused" ? answer.code : answer.outcome;
    play.must(code === "STALE_ATTEMPT", `${what} of a zombie were answered ${code}`);
  }
  const jobs = eventJob(play);
  await jobs.add(zombie, events);
  await jobs.drained();
  await jobs.close();
  play.must((await stateOf(play, runId)) === before, `a zombie changed run ${runId}`);
}

/** A runner that stands still for longer than its lease has lost its runs, and whatever it says then is refused. */
export const runnerFrozen = defineCell({
  id: "F4",
  title: "SIGSTOP of the runner for longer than its lease, then SIGCONT",
  async play(play) {
    const { stage, runner, send, settle, until, count, size } = play;
    await play.begin({ runner: false });
    const slow = await play.receiver({ steps: SLOW_STEP });
    const held = "select 1 from workflow_runs where status = 'RUNNING'";

    // The harness as the zombie: every word of it is heard.
    await send({ receivers: [slow], count: 1 });
    const zombie = await holdRun(play);
    await until(async () => (await count(held)) === 0, SHORT.leaseSeconds + 20, "the silent runner's lease lapses");
    await until(
      async () => (await count("select 1 from workflow_runs where status = 'QUEUED'")) === 1,
      30,
      "the run is dispatched again",
    );
    await playZombie(play, zombie);
    const heir = await holdRun(play, zombie.lease.runId);
    await heir.send(...heir.story());
    await playZombie(play, zombie);

    // A real one.
    await runner.start();
    const sending = send({ receivers: [slow], count: Math.min(size, 64) });
    await until(async () => (await count(held)) > 0, 60, "the runner holds runs");
    runner.signal("SIGSTOP");
    const second = stage.runner();
    await second.start();
    await until(
      async () =>
        (await count(`${held} and runner_id <> $1`, ["nobody"])) === 0 ||
        (await count("select 1 from workflow_runs where attempt > 1")) > 0,
      SHORT.leaseSeconds + 40,
      "what the frozen runner held is taken from it",
    );
    runner.signal("SIGCONT");
    await sending;
    await settle();
  },
});
