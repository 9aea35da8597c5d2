import type { Attempt, RunnerEvent } from "@control-plane/testkit";
import { test as base, callRunner, type Service } from "./service.ts";

/** A run of the steps a to e, claimed. */
export const test = base.extend("held", async ({ world, runner }) => {
  const tenant = await world.tenant();
  const workflow = await tenant.workflow({ steps: ["a", "b", "c", "d", "e"].map((key) => ({ key })) });
  const run = await workflow.run({ status: "QUEUED" });
  return { tenant, workflow, run, attempt: await runner.claim(run.id) };
});

export const AT = "2026-01-01T00:00:00.000Z";
export const STALE = { outcome: "refused", status: 409, code: "STALE_ATTEMPT" };
export const FATAL = { code: "BAD_ANSWER", message: "the server made no sense", retryable: false };
export const AWAY = { code: "AWAY", message: "try later", retryable: true };

export const succeeded = (stepKey: string): RunnerEvent => ({
  type: "step.succeeded",
  stepKey,
  output: { of: stepKey },
});

/** A batch exactly as given. */
export const sendEvents = (service: Service, attempt: Attempt, events: unknown, over: Record<string, unknown> = {}) =>
  callRunner(service, attempt.lease.runId, "events", attempt.lease.leaseToken, {
    contractVersion: 1,
    attempt: attempt.lease.attempt,
    events,
    ...over,
  });
