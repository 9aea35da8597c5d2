import { randomUUID } from "node:crypto";
import { runRequested } from "@control-plane/queue";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { defineCell } from "../cell.ts";
import type { Play } from "../play.ts";

const PLANTED = 200;
/** While no runner takes anything, no more runs are QUEUED than the dispatcher's smallest window. */
const WINDOW_MIN = 8;

/** Jobs that nobody should have made: of unknown runs, and second ones of runs that run or are over. */
async function plantJobs({ stage, stores }: Play, runs: readonly { id: string; attempt: number }[]): Promise<void> {
  const connection = new Redis(stores.redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(runRequested.name, { connection, prefix: stage.input.queuePrefix });
  const unknown = Array.from({ length: Math.max(PLANTED - runs.length, 20) }, () => ({ id: randomUUID(), attempt: 1 }));
  await queue.addBulk(
    [...runs, ...unknown].map(({ id, attempt }) => ({
      name: runRequested.name,
      data: { contractVersion: 1, runId: id, attempt },
      opts: { jobId: `planted-${randomUUID()}` },
    })),
  );
  await queue.close();
  connection.disconnect();
}

/** Redis holds no truth: what was in it comes back from the rows, and what should not be in it starts nothing. */
export const redisEmptied = defineCell({
  id: "F7",
  title: "Redis FLUSHALL, then restarted empty, with runs queued and running, and planted jobs",
  async play(play) {
    const { stage, stores, orchestrator, runner, send, size, settle, until, count } = play;
    const [one, two] = await play.begin();
    if (one === undefined || two === undefined) throw new Error("there are no receivers");
    const slow = await play.receiver({ steps: [{ key: "slow", action: "core.sleep", input: { seconds: 2 } }] });
    const runsIn = (status: string) => count("select 1 from workflow_runs where status = $1", [status]);
    for (const empty of ["flushed", "restarted"] as const) {
      await runner.stop();
      await send({ receivers: [slow], count: 30 });
      await send({ receivers: [one, two], count: Math.ceil(size / 2) });
      await until(async () => (await runsIn("QUEUED")) >= WINDOW_MIN, 60, "runs are queued");
      await runner.start();
      await until(async () => (await runsIn("RUNNING")) >= WINDOW_MIN, 60, "runs are held");
      if (empty === "flushed") await stores.flushRedis();
      else {
        await stores.stopRedis();
        await stores.startRedis({ empty: true });
      }
      const { rows } = await stage.pool.query<{ id: string; attempt: number }>(
        "select id, attempt from workflow_runs where status in ('RUNNING','SUCCEEDED') order by status limit 180",
      );
      await plantJobs(play, rows);
      if (!orchestrator.isRunning()) await orchestrator.start();
      await settle(60 + size / 20);
    }
  },
});
