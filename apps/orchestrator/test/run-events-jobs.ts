import { type RunEvents, runEvents, signRunEvents } from "@control-plane/queue";
import type { TestRedis, TestRun } from "@control-plane/testkit";
import { expect } from "vitest";
import { startRunEventsConsumer } from "../src/consumers/run-events.ts";
import { addJob, jobsIn } from "./queues.ts";
import { test as base } from "./service.ts";

/** The consumer as `main.ts` starts it; a test may stop it and start another. */
export const test = base.extend("consumer", async ({ service, redis }, { onCleanup }) => {
  const start = () => startRunEventsConsumer(service.deps, { url: redis.url, prefix: redis.prefix });
  const running = new Set([start()]);
  const stop = async () => {
    await Promise.all([...running].map((consumer) => consumer.close()));
    running.clear();
  };
  onCleanup(stop);
  return { stop, start: () => void running.add(start()) };
});

export const QUEUE = runEvents.name;
/** Shorter than the contract's, so that the second try comes soon. */
const BACKOFF = { type: "fixed", delay: 500 };
export const AT = new Date().toISOString();
/** A whole run of the step `echo`. */
export const [started, succeeded, ended] = [
  { seq: 1, type: "step.started", at: AT, stepKey: "echo", input: { echoed: 1 } },
  { seq: 2, type: "step.succeeded", at: AT, stepKey: "echo", output: { echoed: 1 } },
  { seq: 3, type: "run.succeeded", at: AT, output: { done: true } },
] as const;
/** The end, with nothing before it. */
export const endedAtOnce = { ...ended, seq: 1 };

type Event = { seq: number; type: string } & Record<string, unknown>;

export function jobFor(run: TestRun, events: readonly Event[], over: Partial<RunEvents> = {}): RunEvents {
  const body = over.body ?? JSON.stringify({ events });
  return { runId: run.id, attempt: 1, body, signature: signRunEvents(run.leaseToken, body), ...over };
}

/** As a runner adds it. */
export function sendJob(redis: TestRedis, payload: RunEvents, id = runEvents.jobId(payload)) {
  return addJob(redis, QUEUE, id, { contractVersion: 1, ...payload }, { attempts: 10, backoff: BACKOFF });
}

export const queueIsEmpty = (redis: TestRedis) =>
  expect.poll(() => jobsIn(redis, QUEUE, ["waiting", "active", "delayed"])).toEqual([]);
