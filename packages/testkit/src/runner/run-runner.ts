import { type EgressAllow, parseEgressAllow } from "@control-plane/egress";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { z } from "zod";
import { executeClaim, type RunnerHooks } from "./execute-claim.ts";
import { createRunnerApi, httpTransport, type RunnerApi } from "./runner-api.ts";

export type RunRunnerOptions = {
  orchestratorUrl: string;
  redisUrl: string;
  /** Default `bull`; the same as the orchestrator's. */
  queuePrefix?: string;
  /** Its path names the database; without it no log lines are written. */
  mongoUrl?: string;
  runnerToken: string;
  runnerId?: string;
  /** What steps may call beyond the public internet; default nothing. */
  egressAllow?: string;
  /** Runs at once; default 4. */
  concurrency?: number;
  hooks?: RunnerHooks;
};

export const QUEUE_RUN_REQUESTED = "run-requested";

export const jobSchema = z.object({ contractVersion: z.literal(1), runId: z.uuid(), attempt: z.int().positive() });

const CLAIM_AGAIN_AFTER_MS = 500;
const CLAIM_TRIES_MAX = 20;
/** A MongoDB that is away must not hold up a run for longer. */
const MONGO_WAIT_MS = 1_000;

/**
 * A well-behaved runner for `core.*` actions, the stand-in where the Python runner cannot run.
 * @returns `stop`, which lets go of the runs it holds without ending them; their leases lapse
 */
export async function runRunner(options: RunRunnerOptions): Promise<{ stop(): Promise<void> }> {
  const shutdown = new AbortController();
  const egressAllow = allowOf(options.egressAllow);
  const api = createRunnerApi(httpTransport(options.orchestratorUrl), options.runnerToken);
  const connection = new Redis(options.redisUrl, { maxRetriesPerRequest: null });
  const mongo =
    options.mongoUrl === undefined
      ? undefined
      : new MongoClient(options.mongoUrl, { serverSelectionTimeoutMS: MONGO_WAIT_MS });
  const logs = mongo?.db().collection("execution_logs");
  const runnerId = options.runnerId ?? `testkit-${process.pid}`;
  const worker = new Worker(
    QUEUE_RUN_REQUESTED,
    async (job) => {
      const parsed = jobSchema.safeParse(job.data);
      if (!parsed.success) throw new UnrecoverableError("the job does not fit contract version 1");
      await failpoint("runner.before-claim");
      const claimed = await claimPatiently(api, parsed.data, runnerId, shutdown.signal);
      if (claimed?.outcome !== "claimed") return;
      options.hooks?.onClaim?.({ runId: parsed.data.runId, attempt: parsed.data.attempt });
      await executeClaim(api, claimed.claim, { logs, shutdown: shutdown.signal, egressAllow, hooks: options.hooks });
    },
    { connection, prefix: options.queuePrefix ?? "bull", concurrency: options.concurrency ?? 4 },
  );
  // The worker reports lost connections here and goes on by itself.
  worker.on("error", () => undefined);
  await worker.waitUntilReady();
  return {
    async stop() {
      shutdown.abort();
      await worker.close();
      connection.disconnect();
      await mongo?.close();
    },
  };
}

/** @throws on an entry that cannot be read */
export function allowOf(text = ""): EgressAllow {
  const { entries, problems } = parseEgressAllow(text);
  if (problems.length > 0) throw new Error(`EGRESS_ALLOW: ${problems.join("; ")}`);
  return entries;
}

/** Repeats a claim while the orchestrator is away; a refusal is an answer. */
async function claimPatiently(api: RunnerApi, job: z.infer<typeof jobSchema>, runnerId: string, shutdown: AbortSignal) {
  for (let attempt = 1; attempt <= CLAIM_TRIES_MAX && !shutdown.aborted; attempt += 1) {
    const answer = await api.claim(job.runId, job.attempt, runnerId).catch(() => undefined);
    if (answer !== undefined && (answer.outcome === "claimed" || answer.status < 500)) return answer;
    await new Promise((resolve) => setTimeout(resolve, CLAIM_AGAIN_AFTER_MS));
  }
  return undefined;
}
