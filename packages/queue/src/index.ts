export type { QueueConnection } from "./connection.ts";
export { type Consumer, type JobName, startConsumer } from "./consumer.ts";
export { contractSchemas, renderJsonSchema } from "./contract-schemas.ts";
export { findFailedJobs, removeJob } from "./failed-jobs.ts";
export { instantSchema } from "./instant.ts";
export { deepEqual } from "./json-equality.ts";
export {
  compareNumbers,
  contractNumber,
  isJsonNumber,
  numberText,
} from "./json-number.ts";
export {
  type ExactNumber,
  isJsonValue,
  type JsonNumber,
  type JsonObject,
  type JsonValue,
  jsonObjectSchema,
  STEP_VALUE_NESTING_MAX,
} from "./json-value.ts";
export { type OpenQueue, openQueue } from "./open-queue.ts";
export { createPublisher, type Publisher } from "./publisher.ts";
export { openRateStore, type RateStore } from "./rate-store.ts";
export { renderQueuesPage } from "./render-queues-page.ts";
export { type RunEvents, runEvents, signRunEvents, verifyRunEvents } from "./run-events.ts";
export { type RunRequested, runRequested } from "./run-requested.ts";
export {
  type Bundle,
  type ClaimReply,
  type CredentialsReply,
  claimReplySchema,
  claimRequestSchema,
  credentialsRequestSchema,
  EVENTS_BYTES_MAX,
  eventsReplySchema,
  eventsRequestSchema,
  heartbeatRequestSchema,
  type RunEvent,
  runEventSchema,
  runEventsBodySchema,
} from "./runner-api.ts";
