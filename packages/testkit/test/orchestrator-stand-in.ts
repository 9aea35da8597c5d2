import { z } from "zod";
import type { DoubleAnswer, HttpDouble, NumberedEvent } from "../src/index.ts";

const LEASE_TOKEN = `lt_${"x".repeat(43)}`;
const credentialBody = z.object({ attempt: z.literal(1), connectionId: z.string() });
const eventsBody = z.object({ events: z.array(z.custom<NumberedEvent>()) });

export type StandInStep = {
  key: string;
  action: string;
  input?: unknown;
  when?: unknown;
  timeoutSeconds?: number;
  request?: unknown;
  baseUrl?: string;
  allowedHosts?: readonly string[];
  connectionId?: string;
};

/** Lets the http double answer as an orchestrator would for one run. @returns the events it was told, in order of arrival */
export function standInForOrchestrator(
  http: HttpDouble,
  run: {
    steps: readonly StandInStep[];
    output?: unknown;
    input?: unknown;
    cancelAfter?: number;
    completed?: readonly { stepKey: string; output: unknown }[];
    /** What auth-actions answers to a read of the connection's credential. */
    credential?: (connectionId: string) => DoubleAnswer;
  },
): NumberedEvent[] {
  const told: NumberedEvent[] = [];
  http.answer(({ path, body }) => {
    if (path.endsWith("/claim")) return { body: claimOf(http.url, path.split("/")[4] ?? "", run) };
    if (path.endsWith("/credentials")) {
      const answer = run.credential?.(credentialBody.parse(JSON.parse(body)).connectionId);
      return answer ?? { status: 404, body: { message: "unknown", extensions: { code: "NOT_FOUND" } } };
    }
    if (path.endsWith("/events")) told.push(...eventsBody.parse(JSON.parse(body)).events);
    return {
      body: {
        appliedSeq: told.length,
        status: "RUNNING",
        cancelRequested: run.cancelAfter !== undefined && told.length >= run.cancelAfter,
        leaseExpiresAt: inOneMinute(),
        deadlineAt: inOneMinute(),
      },
    };
  });
  return told;
}

function claimOf(url: string, runId: string, run: Parameters<typeof standInForOrchestrator>[1]) {
  return {
    leaseToken: LEASE_TOKEN,
    leaseExpiresAt: inOneMinute(),
    heartbeatSeconds: 15,
    deadlineAt: inOneMinute(),
    credentialsUrl: `${url}/runner/v1/runs/${runId}/credentials`,
    bundle: {
      contractVersion: 1,
      run: {
        id: runId,
        tenantId: "019a0000-0000-7000-8000-00000000000a",
        attempt: 1,
        maxAttempts: 3,
        startedAt: "2026-01-01T00:00:00Z",
      },
      trigger: null,
      input: run.input ?? {},
      output: run.output ?? null,
      steps: run.steps.map((step, position) => ({
        stepRunId: `019a0000-0000-7000-8000-0000000000${String(position).padStart(2, "0")}`,
        stepKey: step.key,
        position,
        dependsOn: [],
        input: step.input ?? {},
        when: step.when ?? null,
        timeoutSeconds: step.timeoutSeconds ?? 60,
        app: step.action.split(".")[0],
        action: step.action.split(".")[1],
        baseUrl: step.baseUrl ?? null,
        allowedHosts: step.allowedHosts ?? ["*"],
        request: step.request ?? null,
        connectionId: step.connectionId ?? null,
        idempotencyKey: `${runId}:${step.key}`,
      })),
      completedSteps: run.completed ?? [],
      logs: { expiresAt: inOneMinute(), linesMax: 50_000 },
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
  };
}

function inOneMinute(): string {
  return new Date(Date.now() + 60_000).toISOString();
}
