import { createPublisher, runEvents } from "@control-plane/queue";
import type { NumberedEvent, RunnerEvent } from "@control-plane/testkit";
import { type Attempt, createAttempt } from "@control-plane/testkit/attempt";
import { createRunnerApi, httpTransport, type RunnerApi } from "@control-plane/testkit/runner-api";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { z } from "zod";
import type { Play } from "./play.ts";

/** An attempt that the harness holds itself, as a runner does. */
export type HeldRun = Attempt & {
  /** What a runner reports when everything goes well. */
  story(): RunnerEvent[];
};

export function runnerApi({ stage, orchestrator }: Pick<Play, "stage" | "orchestrator">): RunnerApi {
  return createRunnerApi(httpTransport(orchestrator.url), stage.input.secrets.runnerToken);
}

/** Claims a run that is QUEUED, the oldest one unless it is named; no runner may be there to take it first. */
export async function holdRun(play: Play, runId?: string): Promise<HeldRun> {
  const api = runnerApi(play);
  let found: { id: string; attempt: number } | undefined;
  await play.until(
    async () => {
      const { rows } = await play.stage.pool.query<{ id: string; attempt: number }>(
        "select id, attempt from workflow_runs where status = 'QUEUED' and ($1::uuid is null or id = $1) order by created_at limit 1",
        [runId ?? null],
      );
      found = rows[0];
      return found !== undefined;
    },
    40,
    "a run is QUEUED for the harness to claim",
  );
  if (found === undefined) throw new Error("there is no run to claim");
  const answer = await api.claim(found.id, found.attempt, "harness");
  if (answer.outcome !== "claimed") throw new Error(`the claim was refused: ${answer.status} ${answer.code}`);
  const held = createAttempt(api, answer.claim);
  return {
    ...held,
    story: () => [
      ...answer.claim.bundle.steps.flatMap(({ stepKey }): RunnerEvent[] => [
        { type: "step.started", stepKey },
        { type: "step.succeeded", stepKey, output: { done: stepKey } },
      ]),
      { type: "run.succeeded", output: "done" },
    ],
  };
}

const jobSchema = z.object({ runId: z.string(), attempt: z.int(), body: z.string(), signature: z.string() });

/** The way of events through Redis. */
export function eventJob({ stage, stores, until }: Pick<Play, "stage" | "stores" | "until">) {
  const connection = { url: stores.redisUrl, prefix: stage.input.queuePrefix };
  const publisher = createPublisher(runEvents, connection, () => {});
  return {
    async add(held: Attempt, events: readonly NumberedEvent[]): Promise<void> {
      const job = jobSchema.parse(held.job(events).data);
      for (let tries = 0; ; tries += 1) {
        try {
          await publisher.publish(job);
          return;
        } catch (error) {
          // The connection is made in the background.
          if (tries === 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    /** Waits until nobody has anything left to read. */
    async drained(): Promise<void> {
      const redis = new Redis(connection.url, { maxRetriesPerRequest: null });
      const queue = new Queue(runEvents.name, { connection: redis, prefix: connection.prefix });
      await until(
        async () => (await queue.getJobCountByTypes("waiting", "active", "delayed", "prioritized")) === 0,
        30,
        "the events are read",
      );
      await queue.close();
      redis.disconnect();
    },
    close: () => publisher.close(),
  };
}
