import { Queue, Worker } from "bullmq";
import type { FastifyInstance } from "fastify";
import { Redis } from "ioredis";
import type { TestRedis } from "../test-redis.ts";
import { type Attempt, createAttempt } from "./attempt.ts";
import type { Claim, NumberedEvent } from "./claim.ts";
import { executeClaim } from "./execute-claim.ts";
import { allowOf, jobSchema, QUEUE_RUN_REQUESTED } from "./run-runner.ts";
import {
  createRunnerApi,
  httpTransport,
  injectTransport,
  type Lease,
  type Refused,
  type RunnerApi,
} from "./runner-api.ts";

/**
 * How the double treats a run it takes from the queue:
 * `well` executes it; `stall` claims it and falls silent; `die` claims it, starts the first step and is gone;
 * `lie` claims it and reports success with another lease token; a function does as it likes.
 */
export type RunnerBehaviour = "well" | "stall" | "die" | "lie" | ((attempt: Attempt) => Promise<void>);

export type RunnerDouble = {
  /** The orchestrator to talk to: a server for `inject`, or a base URL. `token` opens `claim`. */
  connect(orchestrator: FastifyInstance | string, token: string): void;
  /** Claims; throws when refused. */
  claim(runId: string, attempt?: number): Promise<Attempt>;
  /** Claims and shows the answer. */
  tryClaim(runId: string, attempt?: number, token?: string): Promise<{ outcome: "claimed"; claim: Claim } | Refused>;
  /** Somebody else's hand on an attempt: another token, attempt or run. */
  forge(attempt: Attempt, over: Partial<Lease>): Attempt;
  /** Executes a claimed run to its end. @param options.egressAllow what steps may call beyond the public internet */
  execute(attempt: Attempt, options?: { egressAllow?: string }): Promise<void>;
  /** Adds a signed job to `run-events`, as a runner without HTTP does. */
  enqueue(redis: TestRedis, attempt: Attempt, events: readonly NumberedEvent[]): Promise<void>;
  /** Takes jobs from `run-requested` until the test ends or `stop` is called. */
  work(
    redis: TestRedis,
    behaviour: RunnerBehaviour,
  ): Promise<{ readonly taken: readonly string[]; stop(): Promise<void> }>;
};

const RUNNER_ID = "runner-double";

export function createRunnerDouble(): RunnerDouble & { close(): Promise<void> } {
  let connected: { api: RunnerApi; withToken(token: string): RunnerApi } | undefined;
  const stops: (() => Promise<void>)[] = [];
  const current = () => {
    if (connected === undefined) throw new Error("runner.connect(orchestrator, token) comes first");
    return connected;
  };
  const claim = async (runId: string, attempt = 1) => {
    const answer = await current().api.claim(runId, attempt, RUNNER_ID);
    if (answer.outcome === "claimed") return createAttempt(current().api, answer.claim);
    throw new Error(`the claim was refused: ${answer.status} ${answer.code}`);
  };
  return {
    connect(orchestrator, token) {
      const transport = typeof orchestrator === "string" ? httpTransport(orchestrator) : injectTransport(orchestrator);
      connected = { api: createRunnerApi(transport, token), withToken: (other) => createRunnerApi(transport, other) };
    },
    claim,
    tryClaim: (runId, attempt = 1, token) =>
      (token === undefined ? current().api : current().withToken(token)).claim(runId, attempt, RUNNER_ID),
    forge: (attempt, over) => createAttempt(current().api, attempt.claim, over),
    execute: (attempt, options = {}) =>
      executeClaim(current().api, attempt.claim, { egressAllow: allowOf(options.egressAllow) }),
    async enqueue(redis, attempt, events) {
      const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
      const queue = new Queue("run-events", { connection, prefix: redis.prefix });
      const { id, data } = attempt.job(events);
      await queue.add("run-events", data, {
        jobId: id,
        attempts: 10,
        backoff: { type: "exponential", delay: 1000 },
        removeOnComplete: true,
      });
      await queue.close();
      connection.disconnect();
    },
    async work(redis, behaviour) {
      const worker = await takeJobs(redis, async (runId, attempt) =>
        behave(current().api, await claim(runId, attempt), behaviour),
      );
      stops.push(worker.stop);
      return worker;
    },
    async close() {
      for (const stop of stops) await stop();
    },
  };
}

async function takeJobs(redis: TestRedis, take: (runId: string, attempt: number) => Promise<void>) {
  const taken: string[] = [];
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  let stopped = false;
  const worker = new Worker(
    QUEUE_RUN_REQUESTED,
    async (job) => {
      const { runId, attempt } = jobSchema.parse(job.data);
      taken.push(runId);
      await take(runId, attempt);
    },
    { connection, prefix: redis.prefix, concurrency: 50 },
  );
  worker.on("error", () => undefined);
  await worker.waitUntilReady();
  return {
    taken,
    async stop() {
      if (stopped) return;
      stopped = true;
      // By force: a stalled run never ends by itself.
      await worker.close(true);
      connection.disconnect();
    },
  };
}

async function behave(api: RunnerApi, attempt: Attempt, behaviour: RunnerBehaviour): Promise<void> {
  switch (behaviour) {
    case "well":
      return executeClaim(api, attempt.claim);
    case "stall":
      return new Promise<void>(() => undefined);
    case "die": {
      const [step] = attempt.claim.bundle.steps;
      if (step !== undefined) await attempt.send({ type: "step.started", stepKey: step.stepKey });
      return undefined;
    }
    case "lie": {
      const liar = createAttempt(api, attempt.claim, { leaseToken: `lt_${"A".repeat(43)}` });
      await liar.send({ type: "run.succeeded", output: { lie: true } });
      return undefined;
    }
    default:
      return behaviour(attempt);
  }
}
