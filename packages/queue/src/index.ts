export {
  type Consumer,
  createPublisher,
  defineQueue,
  type Publisher,
  type QueueConnection,
  type QueueContract,
  startConsumer,
} from "./contract.ts";
export { isJsonValue, type JsonValue, jsonValueSchema } from "./json-value.ts";
export { contractSchemas, renderJsonSchema, renderQueuesPage } from "./render-queues-page.ts";
export { type RunEvents, readRunEvents, runEvents, signRunEvents, verifyRunEvents } from "./run-events.ts";
export { type RunRequested, runRequested } from "./run-requested.ts";
export {
  type Bundle,
  bundleSchema,
  type ClaimReply,
  type ClaimRequest,
  claimReplySchema,
  claimRequestSchema,
  type EventsRequest,
  eventsReplySchema,
  eventsRequestSchema,
  heartbeatReplySchema,
  heartbeatRequestSchema,
  type RunEvent,
  runErrorSchema,
  runEventSchema,
} from "./runner-api.ts";
