import { z } from "zod";

/** What a runner reads of a claim, written from docs/runner-contract.md like a runner in another language. */
const stepSchema = z.looseObject({
  stepRunId: z.string(),
  stepKey: z.string(),
  position: z.int(),
  dependsOn: z.array(z.string()).default([]),
  input: z.unknown(),
  when: z.unknown(),
  timeoutSeconds: z.number(),
  app: z.string(),
  action: z.string(),
  baseUrl: z.string().nullable(),
  allowedHosts: z.array(z.string()),
  /** A declarative HTTP call; null = built into the runner. */
  request: z.unknown(),
  connectionId: z.string().nullable(),
  idempotencyKey: z.string(),
});

export const claimSchema = z.looseObject({
  leaseToken: z.string(),
  leaseExpiresAt: z.string(),
  heartbeatSeconds: z.number(),
  deadlineAt: z.string(),
  credentialsUrl: z.string(),
  bundle: z.looseObject({
    contractVersion: z.literal(1),
    run: z.looseObject({
      id: z.string(),
      tenantId: z.string(),
      attempt: z.int(),
      maxAttempts: z.int(),
      startedAt: z.string(),
    }),
    trigger: z.unknown(),
    input: z.unknown(),
    output: z.unknown(),
    steps: z.array(stepSchema),
    completedSteps: z.array(z.looseObject({ stepKey: z.string(), output: z.unknown() })),
    logs: z.looseObject({ expiresAt: z.string(), linesMax: z.int() }),
    traceparent: z.string().nullish(),
  }),
});

export type Claim = z.infer<typeof claimSchema>;
export type ClaimedStep = z.infer<typeof stepSchema>;

export type StepError = {
  code: string;
  message: string;
  retryable: boolean;
  stepKey?: string;
  retryAfterSeconds?: number;
};

/** An event without the number and time that the attempt gives it. */
export type RunnerEvent =
  | { type: "step.started"; stepKey: string; input?: unknown }
  | { type: "step.succeeded"; stepKey: string; output: unknown }
  | { type: "step.failed"; stepKey: string; error: StepError }
  | { type: "step.skipped"; stepKey: string }
  | { type: "run.succeeded"; output?: unknown }
  | { type: "run.failed"; error: StepError }
  | { type: "run.cancelled" };

export type NumberedEvent = RunnerEvent & { seq: number; at: string };

export const reportSchema = z.looseObject({
  appliedSeq: z.int().optional(),
  status: z.string().optional(),
  cancelRequested: z.boolean().default(false),
  leaseExpiresAt: z.string().nullish(),
});

export type Report = z.infer<typeof reportSchema>;
