import { jsonObjectSchema } from "@control-plane/queue";
import { z } from "zod";

const texts = z.record(z.string(), z.string());

/** A step of a bundle as far as the scenario cares; the rest is completed when it is played. */
const stepSketchSchema = z.strictObject({
  stepKey: z.string(),
  /** `app.action` */
  action: z.string(),
  dependsOn: z.array(z.string()).default([]),
  input: jsonObjectSchema.default({}),
  when: z.unknown().default(null),
  timeoutSeconds: z.int().positive().default(60),
  baseUrl: z.string().nullable().default(null),
  allowedHosts: z.array(z.string()).default(["*"]),
  request: z.unknown().default(null),
  connectionId: z.uuid().nullable().default(null),
});
export type StepSketch = z.infer<typeof stepSketchSchema>;

const bundleSketchSchema = z.strictObject({
  input: z.unknown().default({}),
  output: z.unknown().default(null),
  attempt: z.int().positive().default(1),
  /** In the order of their positions. */
  steps: z.array(stepSketchSchema),
  completedSteps: z.array(z.strictObject({ stepKey: z.string(), output: z.unknown() })).default([]),
  heartbeatSeconds: z.number().positive().default(15),
});

const answerSchema = z.strictObject({
  status: z.int().default(200),
  headers: texts.default({}),
  /** Text as it is, anything else as JSON. */
  body: z.unknown(),
});
/** One answer after the other; the last one repeats. */
const answersSchema = z.array(answerSchema).min(1);

/** One misbehaviour of the orchestrator, shown once. */
const faultSchema = z.strictObject({
  call: z.enum(["claim", "heartbeat", "events"]),
  /** Not before an event of this type was applied; absent: at the first such call. */
  after: z.string().optional(),
  /** LOSE_ANSWER does the work and cuts the connection; REQUEST_CANCEL is what a user does. */
  does: z.enum(["UNAVAILABLE", "LOSE_ANSWER", "STALE_ATTEMPT", "REQUEST_CANCEL"]),
});

const expectedEventSchema = z.strictObject({
  type: z.string(),
  stepKey: z.string().optional(),
  /** Exactly. */
  output: z.unknown().optional(),
  /** These members; what an error says to humans is free. */
  error: z.record(z.string(), z.unknown()).optional(),
});
export type ExpectedEvent = z.infer<typeof expectedEventSchema>;

/** Exactly this text, a text of this form, or (null) no such header. */
const expectedHeaderSchema = z.union([z.string(), z.strictObject({ matches: z.string() }), z.null()]);

const expectedCallSchema = z.strictObject({
  method: z.string(),
  /** With query, as it must arrive. */
  path: z.string(),
  headers: z.record(z.string(), expectedHeaderSchema).default({}),
  /** JSON is compared as JSON, a text as text. */
  body: z.unknown().optional(),
});
export type ExpectedCall = z.infer<typeof expectedCallSchema>;

/**
 * One attempt: what the runner is given, how the world around it behaves, and what must be seen. In every text,
 * `{{outside}}` stands for the base URL of the outside world and `{{runId}}` for the run's id.
 */
export const scenarioSchema = z.strictObject({
  title: z.string(),
  bundle: bundleSketchSchema,
  /** What the outside world answers, by path without query. */
  outside: z.record(z.string().startsWith("/"), answersSchema).default({}),
  /** What the credentials endpoint answers, by connection. */
  credentials: z.record(z.uuid(), answersSchema).default({}),
  faults: z.array(faultSchema).default([]),
  expect: z.strictObject({
    /** All events that were applied, in their order. */
    events: z.array(expectedEventSchema),
    /** All calls that reached the outside world, in their order. */
    outside: z.array(expectedCallSchema).default([]),
    /** How often each connection's credential was fetched. */
    credentialFetches: z.record(z.uuid(), z.int()).default({}),
    /** Texts that no event may hold. */
    secrets: z.array(z.string()).default([]),
  }),
});
export type Scenario = z.infer<typeof scenarioSchema>;
