import { defineCell } from "../cell.ts";
import type { Play } from "../play.ts";
import { eventJob, type HeldRun, holdRun, runnerApi } from "../runner-hand.ts";
import { LONG_LEASE } from "../stage.ts";
import { playZombie } from "./f4-runner-frozen.ts";

const RUNS_MAX = 40;
const STEPS = [
  { key: "one", action: "core.echo" },
  { key: "two", action: "core.echo", dependsOn: ["one"] },
] as const;

/** One attempt's events in any order, cut anywhere, some of them twice, by both ways. */
async function report({ random, must }: Play, held: HeldRun, jobs: ReturnType<typeof eventJob>): Promise<void> {
  const events = held.number(...held.story());
  const repeats = events.filter(() => random.next() < 0.3);
  const mixed = random.shuffled([...events, ...repeats]);
  while (mixed.length > 0) {
    const batch = mixed.splice(0, random.int(1, 3));
    if (random.next() < 0.5) await jobs.add(held, batch);
    else {
      const answer = await held.sendNumbered(batch);
      must(answer.outcome === "accepted", `events were refused: ${JSON.stringify(answer)}`);
    }
  }
}

/** Somebody with another token, and somebody of an attempt that never was, change nothing. */
async function reportFalsely({ must }: Play, held: HeldRun, forge: (leaseToken: string, attempt: number) => HeldRun) {
  // Numbered by hand: the attempt's own events still begin with 1.
  const error = { code: "LIE", message: "a lie", retryable: false };
  const lie = { type: "run.failed", error, seq: 1, at: new Date().toISOString() } as const;
  for (const [what, liar] of [
    ["another token", forge(`lt_${"A".repeat(43)}`, held.lease.attempt)],
    ["another attempt", forge(held.lease.leaseToken, held.lease.attempt + 1)],
  ] as const) {
    const answer = await liar.sendNumbered([lie]);
    must(answer.outcome === "refused" && answer.code === "STALE_ATTEMPT", `events with ${what} were taken`);
  }
}

/** Whatever order, split and repetition events arrive in, the rows are those of the plain story. */
export const anyOrder = defineCell({
  id: "F17",
  title: "events in random orders, splits and repetitions over HTTP and queue; lies; a cancel too late",
  async play(play) {
    const { stage, orchestrator, send, size, settle, count, must, act } = play;
    await play.begin({ runner: false, orchestrator: LONG_LEASE });
    const receiver = await play.receiver({ steps: STEPS });
    const owner = await (await stage.world.tenant()).user("owner");
    await stage.pool.query(
      "insert into memberships (tenant_id, user_id, role, status) values ($1, $2, 'owner', 'ACTIVE')",
      [receiver.tenantId, owner.id],
    );
    const caller = { tenantId: receiver.tenantId, userId: owner.id, role: "owner" } as const;
    const jobs = eventJob(play);
    const runs = Math.min(RUNS_MAX, Math.ceil(size / 20));
    await send({ receivers: [receiver], count: runs });
    const held: HeldRun[] = [];
    for (let n = 0; n < runs; n += 1) {
      const run = await holdRun(play);
      held.push(run);
      await reportFalsely(play, run, (leaseToken, attempt) => ({
        ...run,
        sendNumbered: (events) => runnerApi(play).report({ ...run.lease, leaseToken, attempt }, events),
      }));
      await report(play, run, jobs);
    }
    await jobs.drained();
    await settle(30);
    must(
      (await count(
        `select 1 from workflow_runs r where r.status = 'SUCCEEDED' and r.output = '"done"' and r.attempt = 1 and 2 = (
           select count(*) from step_runs s where s.workflow_run_id = r.id and s.status = 'SUCCEEDED' and s.output = jsonb_build_object('done', s.step_key)
             and s.started_at <= s.finished_at)`,
      )) === runs,
      "an order of events gave other rows than the plain story",
    );
    must(
      (await count("select 1 from internal.run_event_buffer")) === 0,
      "events are left in the buffer of a run that is over",
    );
    must((await count("select 1 from dead_letters")) === 0, "events of a good runner became dead letters");
    for (const run of held.slice(0, 5)) {
      const { status, body } = await act(orchestrator, "cancelRun", { runId: run.lease.runId }, caller);
      const { outcome }: { outcome?: unknown } = Object(body);
      must(
        status === 200 && outcome === "ALREADY_TERMINAL",
        `a run that is over was cancelled: ${status} ${String(outcome)}`,
      );
    }

    // An attempt that ended in a retry: the same token's words are those of a zombie.
    await send({ receivers: [receiver], count: 1 });
    const failed = await holdRun(play);
    await failed.send({ type: "run.failed", error: { code: "AGAIN", message: "again", retryable: true } });
    await playZombie(play, failed);
    const second = await holdRun(play, failed.lease.runId);
    await playZombie(play, failed);
    await second.send(...second.story());
    await playZombie(play, failed);
    await jobs.close();
    await settle(30);
  },
});
