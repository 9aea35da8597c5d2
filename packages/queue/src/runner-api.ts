import { z } from "zod";
import { jsonValueSchema } from "./json-value.ts";

const CONTRACT_VERSION = 1;
const TEXT_BYTES_MAX = 1_048_576;

const version = z.literal(CONTRACT_VERSION);
const instant = z.iso.datetime({ offset: true });
const stepKey = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/);
/** Length is counted in characters, as every other language and JSON Schema do, not in UTF-16 units. */
const text = (lengthMax: number) =>
  z
    .string()
    .refine(
      (value) => value.length <= lengthMax || [...value].length <= lengthMax,
      `longer than ${lengthMax} characters`,
    )
    .meta({ maxLength: lengthMax });
/** Any JSON of at most 1 MiB as text. */
const payload = jsonValueSchema
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= TEXT_BYTES_MAX, "larger than 1 MiB")
  .describe("any JSON, at most 1 MiB");

export const runErrorSchema = z.object({
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
  message: text(2_000),
  stepKey: stepKey.optional(),
  retryable: z.boolean(),
  retryAfterSeconds: z.number().min(0).optional(),
});

const seq = z.int().positive().describe("from 1, gapless within an attempt");
export const runEventSchema = z.discriminatedUnion("type", [
  z.object({ seq, type: z.literal("step.started"), at: instant, stepKey, input: payload.optional() }),
  z.object({ seq, type: z.literal("step.succeeded"), at: instant, stepKey, output: payload }),
  z.object({ seq, type: z.literal("step.failed"), at: instant, stepKey, error: runErrorSchema }),
  z.object({ seq, type: z.literal("step.skipped"), at: instant, stepKey }),
  z.object({ seq, type: z.literal("run.succeeded"), at: instant, output: payload.optional() }),
  z.object({ seq, type: z.literal("run.failed"), at: instant, error: runErrorSchema }),
  z.object({ seq, type: z.literal("run.cancelled"), at: instant }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

/** POST /runner/v1/runs/{runId}/claim, authenticated with the runner token. */
export const claimRequestSchema = z.object({
  contractVersion: version,
  attempt: z.int().positive(),
  runnerId: text(200).min(1),
});
export type ClaimRequest = z.infer<typeof claimRequestSchema>;

const bundleStepSchema = z.object({
  stepRunId: z.uuid(),
  stepKey,
  position: z.int().min(0),
  dependsOn: z.array(stepKey),
  input: z.record(z.string(), jsonValueSchema),
  when: jsonValueSchema,
  timeoutSeconds: z.int().positive(),
  app: z.string(),
  appVersion: z.string(),
  action: z.string(),
  baseUrl: z.string().nullable(),
  allowedHosts: z.array(z.string()),
  request: jsonValueSchema,
  connectionId: z.uuid().nullable(),
  authType: z.string(),
  idempotencyKey: z.string(),
});

/** All a runner needs of a run, and no secret. */
export const bundleSchema = z.object({
  contractVersion: version,
  run: z.object({
    id: z.uuid(),
    tenantId: z.uuid(),
    workflowId: z.uuid(),
    workflowVersionId: z.uuid(),
    version: z.int().positive(),
    attempt: z.int().positive(),
    maxAttempts: z.int().positive(),
    source: z.enum(["MANUAL", "WEBHOOK", "SCHEDULE", "RETRY", "REPLAY"]),
    startedAt: instant,
  }),
  trigger: z
    .object({
      type: z.enum(["WEBHOOK", "SCHEDULE"]),
      headers: z.record(z.string(), z.string()),
      deliveryId: z.uuid().nullable(),
      receivedAt: instant.nullable(),
      scheduledFor: instant.nullable(),
    })
    .nullable(),
  input: jsonValueSchema,
  output: jsonValueSchema,
  steps: z.array(bundleStepSchema),
  completedSteps: z.array(z.object({ stepKey, output: jsonValueSchema })),
  logs: z.object({ expiresAt: instant, linesMax: z.int().positive() }),
  traceparent: z.string().nullable(),
});
export type Bundle = z.infer<typeof bundleSchema>;

export const claimReplySchema = z.object({
  leaseToken: z.string().regex(/^lt_[A-Za-z0-9_-]{43}$/),
  leaseExpiresAt: instant,
  heartbeatSeconds: z.number().positive(),
  deadlineAt: instant,
  credentialsUrl: z.url(),
  bundle: bundleSchema,
});
export type ClaimReply = z.infer<typeof claimReplySchema>;

/** POST …/heartbeat, authenticated with the lease token, as is …/events. */
export const heartbeatRequestSchema = z.object({ attempt: z.int().positive() });
export const heartbeatReplySchema = z.object({
  leaseExpiresAt: instant,
  deadlineAt: instant,
  appliedSeq: z.int().min(0),
  cancelRequested: z.boolean(),
});

const events = z.array(runEventSchema).min(1).max(100);

export const eventsRequestSchema = z.object({ contractVersion: version, attempt: z.int().positive(), events });
export type EventsRequest = z.infer<typeof eventsRequestSchema>;

export const eventsReplySchema = z.object({
  appliedSeq: z.int().min(0),
  status: z.enum(["PENDING", "QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]),
  cancelRequested: z.boolean(),
  leaseExpiresAt: instant.nullable(),
});

/** What the `body` text of a run-events job holds. */
export const runEventsBodySchema = z.object({ events });
