import { randomBytes, randomUUID } from "node:crypto";
import { type ClaimReply, claimReplySchema } from "@control-plane/queue";
import type { Scenario, StepSketch } from "./scenario.ts";

const LEASE_SECONDS = 60;
const DEADLINE_SECONDS = 600;
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export function leaseExpiry(): string {
  return instantIn(LEASE_SECONDS);
}

/** Completes a scenario's bundle to what a claim is answered with. Throws when the scenario makes no true claim. */
export function claimReplyOf(scenario: Scenario, runId: string, apiUrl: string): ClaimReply {
  const { attempt, input, output, steps, completedSteps, heartbeatSeconds } = scenario.bundle;
  return claimReplySchema.parse({
    leaseToken: `lt_${randomBytes(32).toString("base64url")}`,
    leaseExpiresAt: leaseExpiry(),
    heartbeatSeconds,
    deadlineAt: instantIn(DEADLINE_SECONDS),
    credentialsUrl: `${apiUrl}/runner/v1/runs/${runId}/credentials`,
    bundle: {
      contractVersion: 1,
      run: {
        id: runId,
        tenantId: randomUUID(),
        workflowId: randomUUID(),
        workflowVersionId: randomUUID(),
        version: 1,
        attempt,
        maxAttempts: 3,
        source: "MANUAL",
        startedAt: new Date().toISOString(),
      },
      trigger: null,
      input,
      output,
      steps: steps.map((step, position) => bundleStepOf(step, position, runId)),
      completedSteps,
      logs: { expiresAt: instantIn(3_600), linesMax: 1_000 },
      traceparent: TRACEPARENT,
    },
  });
}

function bundleStepOf({ action, ...step }: StepSketch, position: number, runId: string) {
  const [app = "", name = ""] = action.split(".");
  return {
    ...step,
    stepRunId: randomUUID(),
    position,
    app,
    appVersion: "1.0.0",
    action: name,
    authType: step.connectionId === null ? "NONE" : "BEARER",
    idempotencyKey: `${runId}:${step.stepKey}`,
  };
}

function instantIn(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}
