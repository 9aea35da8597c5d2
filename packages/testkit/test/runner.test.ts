import { randomUUID } from "node:crypto";
import { Queue } from "bullmq";
import { expect } from "vitest";
import { type NumberedEvent, runRunner, type TestRedis, test } from "../src/index.ts";
import { standInForOrchestrator } from "./orchestrator-stand-in.ts";

async function request(redis: TestRedis, runId: string): Promise<void> {
  const queue = new Queue("run-requested", { connection: { url: redis.url }, prefix: redis.prefix });
  await queue.add("run-requested", { contractVersion: 1, runId, attempt: 1 }, { jobId: `${runId}_1` });
  await queue.close();
}

/** The events without numbers and times. */
function told(events: readonly NumberedEvent[]) {
  return events.map(({ seq, at, ...event }) => event);
}

test("a run is executed step by step, with values passed on", async ({ http, runner }) => {
  const events = standInForOrchestrator(http, {
    input: { name: "Ann" },
    steps: [
      { key: "greet", action: "core.echo", input: { text: { $text: ["Hello ", { $ref: "/input/name" }] } } },
      { key: "skipped", action: "core.fail", when: { op: "EQ", left: { $ref: "/input/name" }, right: "Bob" } },
      { key: "note", action: "core.log", input: { message: "done", fields: { a: 1 } } },
    ],
    output: {
      greeting: { $ref: "/steps/greet/output/text" },
      none: { $ref: "/steps/skipped/output", default: "absent" },
    },
  });
  runner.connect(http.url, "token");

  await runner.execute(await runner.claim(randomUUID()));

  expect(told(events)).toEqual([
    { type: "step.started", stepKey: "greet", input: { text: "Hello Ann" } },
    { type: "step.succeeded", stepKey: "greet", output: { text: "Hello Ann" } },
    { type: "step.skipped", stepKey: "skipped" },
    { type: "step.started", stepKey: "note", input: { message: "done", fields: { a: 1 } } },
    { type: "step.succeeded", stepKey: "note", output: {} },
    { type: "run.succeeded", output: { greeting: "Hello Ann", none: "absent" } },
  ]);
  expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a failing step ends the attempt with its error", async ({ http, runner }) => {
  const events = standInForOrchestrator(http, {
    steps: [
      { key: "boom", action: "core.fail", input: { code: "BOOM", message: "no", retryable: true } },
      { key: "after", action: "core.echo" },
    ],
  });
  runner.connect(http.url, "token");

  await runner.execute(await runner.claim(randomUUID()));

  const error = { code: "BOOM", message: "no", retryable: true };
  expect(told(events).slice(1)).toEqual([
    { type: "step.failed", stepKey: "boom", error },
    { type: "run.failed", error: { ...error, stepKey: "boom" } },
  ]);
});

test.for([
  [
    "a pointer that leads nowhere",
    { key: "s", action: "core.echo", input: { a: { $ref: "/input/absent" } } },
    "REF_UNRESOLVED",
  ],
  ["an action of another runner", { key: "s", action: "github.create_issue" }, "ACTION_UNSUPPORTED"],
  [
    "a step beyond its time",
    { key: "s", action: "core.sleep", input: { seconds: 30 }, timeoutSeconds: 0.05 },
    "STEP_TIMEOUT",
  ],
] as const)("%s fails the run", async ([, step, code], { http, runner }) => {
  const events = standInForOrchestrator(http, { steps: [step] });
  runner.connect(http.url, "token");

  await runner.execute(await runner.claim(randomUUID()));

  expect(told(events).at(-1)).toMatchObject({ type: "run.failed", error: { code, stepKey: "s" } });
});

test("a cancelled run stops sleeping and says so", async ({ http, runner }) => {
  const events = standInForOrchestrator(http, {
    steps: [{ key: "nap", action: "core.sleep", input: { seconds: 3600 } }],
    cancelAfter: 1,
  });
  runner.connect(http.url, "token");

  await runner.execute(await runner.claim(randomUUID()));

  expect(told(events).map((event) => event.type)).toEqual(["step.started", "run.cancelled"]);
});

test("a runner whose attempt is stale writes nothing more", async ({ http, runner }) => {
  standInForOrchestrator(http, {
    steps: [
      { key: "one", action: "core.echo" },
      { key: "two", action: "core.echo" },
    ],
  });
  runner.connect(http.url, "token");
  const attempt = await runner.claim(randomUUID());
  http.answer({ status: 409, body: { message: "stale", extensions: { code: "STALE_ATTEMPT" } } });

  await runner.execute(attempt);

  expect(http.requests.filter((request) => request.path.endsWith("/events"))).toHaveLength(1);
});

test("what was completed in an earlier attempt is at hand", async ({ http, runner }) => {
  const events = standInForOrchestrator(http, {
    steps: [{ key: "second", action: "core.echo", input: { a: { $ref: "/steps/first/output/x" } } }],
    completed: [{ stepKey: "first", output: { x: 7 } }],
  });
  runner.connect(http.url, "token");

  await runner.execute(await runner.claim(randomUUID()));

  expect(told(events)[1]).toEqual({ type: "step.succeeded", stepKey: "second", output: { a: 7 } });
});

test("runRunner takes runs from the queue, executes them and writes their log", async ({ http, redis, logs }) => {
  const events = standInForOrchestrator(http, {
    steps: [{ key: "note", action: "core.log", input: { level: "WARN", message: "look" } }],
  });
  const runner = await runRunner({
    orchestratorUrl: http.url,
    redisUrl: redis.url,
    queuePrefix: redis.prefix,
    mongoUrl: logs.url,
    runnerToken: "token",
  });
  const runId = randomUUID();

  await request(redis, runId);

  await expect.poll(() => events.at(-1)?.type).toBe("run.succeeded");
  await expect.poll(() => logs.lines.countDocuments()).toBe(3);
  await runner.stop();
  const lines = await logs.lines.find({ workflowRunId: runId }).sort({ seq: 1 }).toArray();
  expect(lines.map(({ seq, level, message }) => [seq, level, message])).toEqual([
    [1, "INFO", "step started"],
    [2, "WARN", "look"],
    [3, "INFO", "step succeeded"],
  ]);
  expect(http.requests[0]?.headers.authorization).toBe("Bearer token");
});

test("a runner that dies has started and says no more", async ({ http, redis, runner }) => {
  const events = standInForOrchestrator(http, { steps: [{ key: "one", action: "core.echo" }] });
  runner.connect(http.url, "token");
  const worker = await runner.work(redis, "die");

  await request(redis, randomUUID());

  await expect.poll(() => events.length).toBe(1);
  await worker.stop();
  expect(told(events)).toEqual([{ type: "step.started", stepKey: "one" }]);
});

test("a runner that stalls holds its run in silence", async ({ http, redis, runner }) => {
  const events = standInForOrchestrator(http, { steps: [{ key: "one", action: "core.echo" }] });
  runner.connect(http.url, "token");
  const runId = randomUUID();
  const worker = await runner.work(redis, "stall");

  await request(redis, runId);

  await expect.poll(() => http.requests.length).toBe(1);
  expect([worker.taken, events]).toEqual([[runId], []]);
});

test("a runner that lies uses a token that is not its own", async ({ http, redis, runner }) => {
  standInForOrchestrator(http, { steps: [{ key: "one", action: "core.echo" }] });
  runner.connect(http.url, "token");
  await runner.work(redis, "lie");

  await request(redis, randomUUID());

  await expect.poll(() => http.requests.length).toBe(2);
  expect(http.requests[1]?.headers.authorization).toBe(`Bearer lt_${"A".repeat(43)}`);
});

test("events go through the queue signed, without the token", async ({ http, redis, runner }) => {
  standInForOrchestrator(http, { steps: [{ key: "one", action: "core.echo" }] });
  runner.connect(http.url, "token");
  const attempt = await runner.claim(randomUUID());

  await runner.enqueue(redis, attempt, attempt.number({ type: "run.succeeded" }));

  const [key = ""] = await redis.client.keys(`${redis.prefix}:run-events:${attempt.lease.runId}_1_*`);
  const job = await redis.client.hgetall(key);
  expect(key.endsWith(`_${JSON.parse(job.data ?? "{}").signature}`)).toBe(true);
  expect(JSON.parse(job.data ?? "{}")).toMatchObject({
    contractVersion: 1,
    attempt: 1,
    signature: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(JSON.stringify(job)).not.toContain(attempt.lease.leaseToken);
});
