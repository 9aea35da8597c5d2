import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { claimReplyOf } from "../src/conformance/claim-reply.ts";
import { judge } from "../src/conformance/judge.ts";
import { createPlayedRun } from "../src/conformance/played-run.ts";
import { readScenarios } from "../src/conformance/read-scenarios.ts";
import { type Scenario, scenarioSchema } from "../src/conformance/scenario.ts";

const RUNNER_TOKEN = "rt_of-the-tests";
const at = "2030-01-02T03:04:05.678Z";
const started = { seq: 1, at, type: "step.started", stepKey: "hi" };
const succeeded = { seq: 2, at, type: "step.succeeded", stepKey: "hi", output: { n: 1 } };
const ended = { seq: 3, at, type: "run.succeeded", output: null };

function echoScenario(over: { faults?: unknown[]; secrets?: string[] } = {}): Scenario {
  return scenarioSchema.parse({
    title: "one echo",
    bundle: { steps: [{ stepKey: "hi", action: "core.echo", input: { n: 1 } }] },
    faults: over.faults ?? [],
    expect: {
      events: [
        { type: "step.started", stepKey: "hi" },
        { type: "step.succeeded", stepKey: "hi", output: { n: 1 } },
        { type: "run.succeeded" },
      ],
      secrets: over.secrets ?? [],
    },
  });
}

/** A run that its runner has claimed, and what the runner may do with it. */
function claimed(scenario: Scenario) {
  const claim = claimReplyOf(scenario, randomUUID(), "http://127.0.0.1:1");
  const run = createPlayedRun(scenario, claim, RUNNER_TOKEN);
  const call = (name: string, body: unknown, token: string) =>
    run.answer(name, {
      method: "POST",
      path: "",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  call("claim", { contractVersion: 1, attempt: 1, runnerId: "r" }, RUNNER_TOKEN);
  return {
    send: (events: readonly unknown[], token = claim.leaseToken) =>
      call("events", { contractVersion: 1, attempt: 1, events }, token),
    beat: () => call("heartbeat", { attempt: 1 }, claim.leaseToken),
    problems: () => judge(scenario, run, []),
  };
}

test("a runner that does what it should has no problems", () => {
  const runner = claimed(echoScenario());

  runner.send([started, succeeded, ended]);

  expect(runner.problems()).toEqual([]);
});

test("events that are sent again unchanged are no problem", () => {
  const runner = claimed(echoScenario({ faults: [{ call: "events", does: "LOSE_ANSWER" }] }));

  runner.send([started]);
  runner.send([started, succeeded, ended]);

  expect(runner.problems()).toEqual([]);
});

test("events that do not come again after their answer was lost are a problem", () => {
  const runner = claimed(echoScenario({ faults: [{ call: "events", does: "LOSE_ANSWER" }] }));

  runner.send([started]);
  runner.send([succeeded, ended]);

  expect(runner.problems()).toEqual(["event 1 was not sent again after its answer was lost"]);
});

test.each([
  [
    "another content under a known number",
    [[started], [{ ...started, at: "2031-01-02T03:04:05.678Z" }]],
    "another content",
  ],
  ["a gap", [[started], [ended]], "the next number is 2"],
  [
    "an event after the end",
    [[started, succeeded, ended], [{ ...ended, seq: 4 }]],
    "after the event that ended the run",
  ],
  ["a cancel that nobody asked for", [[{ seq: 1, at, type: "run.cancelled" }]], "no cancel was requested"],
  ["an event that fits no schema", [[{ ...started, stepKey: "Not A Key" }]], "does not fit the contract"],
  ["another output", [[started, { ...succeeded, output: { n: 2 } }, ended]], "output is"],
  ["no end", [[started, succeeded]], "events: saw"],
])("%s is a problem", (_name, batches, problem) => {
  const runner = claimed(echoScenario());

  for (const batch of batches) runner.send(batch);

  expect(runner.problems()).toContainEqual(expect.stringContaining(problem));
});

test("a call after STALE_ATTEMPT is a problem", () => {
  const runner = claimed(echoScenario({ faults: [{ call: "heartbeat", does: "STALE_ATTEMPT" }] }));

  runner.beat();
  runner.send([started]);

  expect(runner.problems()).toContain("events was called after STALE_ATTEMPT");
});

test("a call without its token is a problem", () => {
  const runner = claimed(echoScenario());

  runner.send([started], RUNNER_TOKEN);

  expect(runner.problems()).toContain("events came without its token");
});

test("a secret in an event is a problem, even when the event is refused", () => {
  const runner = claimed(echoScenario({ secrets: ["s3cret-value"] }));

  runner.send([started, succeeded, ended]);
  runner.send([{ ...ended, seq: 9, output: "s3cret-value" }]);

  expect(runner.problems()).toContain("a secret was sent to the orchestrator");
});

test("a call to the outside world that the scenario does not want is a problem", () => {
  const scenario = echoScenario();
  const run = createPlayedRun(scenario, claimReplyOf(scenario, randomUUID(), "http://127.0.0.1:1"), RUNNER_TOKEN);

  const problems = judge(scenario, run, [{ method: "GET", path: "/x", headers: {}, body: "" }]);

  expect(problems).toContain('outside calls: saw ["GET /x"], expected []');
});

test("every scenario makes a claim that fits the contract", async () => {
  const scenarios = await readScenarios();

  const stepCounts = scenarios.map(
    ({ scenario }) => claimReplyOf(scenario, randomUUID(), "http://127.0.0.1:1").bundle.steps.length,
  );

  expect(stepCounts).toEqual(scenarios.map(({ scenario }) => scenario.bundle.steps.length));
});
