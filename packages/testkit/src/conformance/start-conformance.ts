import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { type Server, supervise } from "@control-plane/local-stores";
import {
  createPublisher,
  type Publisher,
  type QueueConnection,
  type RunRequested,
  runRequested,
} from "@control-plane/queue";
import { readJson } from "@control-plane/service-kit/read-json";
import { Redis } from "ioredis";
import { type HttpDouble, openHttpDouble } from "../http-double.ts";
import { uniqueName } from "../unique.ts";
import { claimReplyOf } from "./claim-reply.ts";
import { judge } from "./judge.ts";
import { createPlayedRun, type PlayedRun } from "./played-run.ts";
import { type Scenario, scenarioSchema } from "./scenario.ts";

export type RunnerCommand = {
  command: string;
  args: readonly string[];
  cwd: string;
  /** What the runner needs beyond the variables of the contract. */
  env: NodeJS.ProcessEnv;
  logFile: string;
};

export type Conformance = {
  /** @returns what the runner did wrong; empty when it kept the contract */
  play(scenario: Scenario): Promise<string[]>;
  stop(): Promise<void>;
};

const ENDS_WITHIN_MS = 30_000;
const REDIS_WITHIN_MS = 5_000;
const POLL_MS = 20;
const GRACE_SECONDS = 10;
/** Nothing listens on the discard port; a MongoDB that is away never holds up a run. */
const NO_MONGODB = "mongodb://127.0.0.1:9/none?directConnection=true";

/** Starts the runner with the variables of the contract, between an orchestrator and an outside world that play scenarios. */
export async function startConformance(
  runner: RunnerCommand,
  stores: { redisUrl: string; mongodbUrl?: string | undefined },
): Promise<Conformance> {
  const [api, outside] = await Promise.all([openHttpDouble(), openHttpDouble()]);
  const runs = new Map<string, PlayedRun>();
  api.answer((request) => {
    const [, runId = "", call = ""] = /^\/runner\/v1\/runs\/([^/]+)\/([^/]+)$/.exec(request.path) ?? [];
    return runs.get(runId)?.answer(call, request) ?? { status: 404, body: { message: "unknown run" } };
  });
  const runnerToken = `rt_${randomBytes(32).toString("base64url")}`;
  const prefix = uniqueName("conformance");
  const publisher = await connectedPublisher({ url: stores.redisUrl, prefix });
  const server = await supervise({
    ...runner,
    env: {
      ...runner.env,
      ORCHESTRATOR_URL: api.url,
      REDIS_URL: stores.redisUrl,
      QUEUE_PREFIX: prefix,
      MONGODB_URL: stores.mongodbUrl ?? NO_MONGODB,
      RUNNER_TOKEN: runnerToken,
      RUNNER_ID: "conformance",
      RUNNER_CONCURRENCY: "4",
      EGRESS_ALLOW: new URL(outside.url).host,
    },
    stopSignal: "TERM",
    graceSeconds: GRACE_SECONDS,
  });
  return {
    async play(scenario) {
      const runId = randomUUID();
      const filled = fill(scenario, { outside: outside.url, runId });
      const run = createPlayedRun(filled, claimReplyOf(filled, runId, api.url), runnerToken);
      runs.set(runId, run);
      const before = outside.requests.length;
      answerOutside(outside, filled);
      const late = await untilOver(publisher, server, { runId, attempt: filled.bundle.attempt });
      return [...late, ...judge(filled, run, outside.requests.slice(before))];
    },
    async stop() {
      await server.stop();
      await publisher.close();
      await deleteKeys(stores.redisUrl, prefix);
      await Promise.all([api.close(), outside.close()]);
    },
  };
}

/** Throws when Redis does not answer. */
async function connectedPublisher(connection: QueueConnection): Promise<Publisher<RunRequested>> {
  const publisher = createPublisher(runRequested, connection, () => undefined);
  for (const giveUpAt = Date.now() + REDIS_WITHIN_MS; ; await wait(POLL_MS)) {
    const problem: unknown = await publisher.ping().catch((error: unknown) => error);
    if (problem === undefined) return publisher;
    if (Date.now() < giveUpAt) continue;
    await publisher.close();
    throw new Error("Redis does not answer", { cause: problem });
  }
}

function fill(scenario: Scenario, places: Readonly<Record<string, string>>): Scenario {
  const text = JSON.stringify(scenario).replace(/\{\{(\w+)\}\}/g, (whole, name: string) => places[name] ?? whole);
  return scenarioSchema.parse(readJson(text));
}

function answerOutside(outside: HttpDouble, scenario: Scenario): void {
  const asked = new Map<string, number>();
  outside.answer(({ path }) => {
    const place = path.split("?")[0] ?? "";
    const answers = scenario.outside[place];
    const count = asked.get(place) ?? 0;
    asked.set(place, count + 1);
    return answers?.[Math.min(count, answers.length - 1)] ?? { status: 418, body: "not in the scenario" };
  });
}

/** Hands the run over and waits until the runner has completed its job. @returns what kept it from that */
async function untilOver(publisher: Publisher<RunRequested>, server: Server, job: RunRequested): Promise<string[]> {
  await publisher.publish(job);
  const giveUpAt = Date.now() + ENDS_WITHIN_MS;
  while ((await publisher.findJob(job)) !== "lost") {
    if (server.hasExited()) return ["the runner's process has ended"];
    if (Date.now() > giveUpAt) return [`the runner has not completed the job within ${ENDS_WITHIN_MS / 1000} s`];
    await wait(POLL_MS);
  }
  return [];
}

async function deleteKeys(redisUrl: string, prefix: string): Promise<void> {
  const client = new Redis(redisUrl, { maxRetriesPerRequest: null });
  for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    if (keys.length > 0) await client.unlink(...keys);
  }
  await client.quit();
}
