import { z } from "zod";
import { instantSchema as instant } from "./instant.ts";
import { contractNumber } from "./json-number.ts";
import { jsonObjectSchema, jsonValueSchema, stepValueSchema } from "./json-value.ts";

const CONTRACT_VERSION = 1;
/** Of a run's input, as JSON text. */
export const VALUE_BYTES_MAX = 1_048_576;
/** Of what one step is given or gives: room to wrap the largest input, so that what was accepted can be passed on. */
const STEP_VALUE_BYTES_MAX = VALUE_BYTES_MAX + 16 * 1024;
/** Of one batch of events, over HTTP or as the body of a job. */
export const EVENTS_BYTES_MAX = 4 * 1024 * 1024;

const version = contractNumber(z.literal(CONTRACT_VERSION));
const attempt = contractNumber(z.int().positive());
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
/** Any JSON of at most 1 MiB and 16 KiB as text. */
const payload = stepValueSchema
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= STEP_VALUE_BYTES_MAX, "larger than 1 MiB and 16 KiB")
  .describe("any JSON, at most 1,064,960 bytes (1 MiB and 16 KiB) as text");

const runErrorSchema = z.strictObject({
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
  message: text(2_000),
  stepKey: stepKey.optional(),
  retryable: z.boolean(),
  retryAfterSeconds: contractNumber(z.number().min(0)).optional(),
});

const seq = contractNumber(z.int().positive()).describe("from 1, gapless within an attempt");
export const runEventSchema = z.discriminatedUnion("type", [
  z.strictObject({ seq, type: z.literal("step.started"), at: instant, stepKey, input: payload.optional() }),
  z.strictObject({ seq, type: z.literal("step.succeeded"), at: instant, stepKey, output: payload }),
  z.strictObject({ seq, type: z.literal("step.failed"), at: instant, stepKey, error: runErrorSchema }),
  z.strictObject({ seq, type: z.literal("step.skipped"), at: instant, stepKey }),
  z.strictObject({ seq, type: z.literal("run.succeeded"), at: instant, output: payload.optional() }),
  z.strictObject({ seq, type: z.literal("run.failed"), at: instant, error: runErrorSchema }),
  z.strictObject({ seq, type: z.literal("run.cancelled"), at: instant }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

/** POST /runner/v1/runs/{runId}/claim, authenticated with the runner token. */
export const claimRequestSchema = z.strictObject({
  contractVersion: version,
  attempt,
  runnerId: text(200).min(1),
});

const bundleStepSchema = z.object({
  stepRunId: z.uuid(),
  stepKey,
  position: z.int().min(0),
  dependsOn: z.array(stepKey),
  input: jsonObjectSchema,
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
const bundleSchema = z.object({
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
  completedSteps: z.array(z.object({ stepKey, output: stepValueSchema })),
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
export const heartbeatRequestSchema = z.strictObject({ attempt });
export const heartbeatReplySchema = z.object({
  leaseExpiresAt: instant,
  deadlineAt: instant,
  appliedSeq: z.int().min(0),
  cancelRequested: z.boolean(),
});

const events = z.array(runEventSchema).min(1).max(100);

export const eventsRequestSchema = z.strictObject({ contractVersion: version, attempt, events });

export const eventsReplySchema = z.object({
  appliedSeq: z.int().min(0),
  status: z.enum(["PENDING", "QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]),
  cancelRequested: z.boolean(),
  leaseExpiresAt: instant.nullable(),
});

/** POST {credentialsUrl}, served by auth-actions, authenticated with the lease token. */
export const credentialsRequestSchema = z.strictObject({ attempt, connectionId: z.uuid() });

const sentAsGiven = z.record(z.string(), z.string());

/** What a runner attaches to requests to these hosts, whatever the auth type; `expiresAt` null = until the attempt ends. */
export const credentialsReplySchema = z.object({
  connectionId: z.uuid(),
  authType: z.string(),
  headers: sentAsGiven,
  query: sentAsGiven,
  allowedHosts: z.array(z.string()),
  expiresAt: instant.nullable(),
});
export type CredentialsReply = z.infer<typeof credentialsReplySchema>;

/** `extensions` of a CREDENTIAL_UNAVAILABLE: where it failed (docs/reference/outgoing-http.md, DECRYPT or TOKEN), and why. */
export const credentialRefusalSchema = z.object({
  code: z.literal("CREDENTIAL_UNAVAILABLE"),
  stage: z.string(),
  cause: z.string(),
});

/** What the `body` text of a run-events job holds. */
export const runEventsBodySchema = z.strictObject({ events });
