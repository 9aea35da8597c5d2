export { type JsonValue, jsonValueSchema } from "@control-plane/queue";
export { acceptDeliveries, type DeliveryOutcome, type NewDelivery } from "./accept-deliveries.ts";
export { type Applied, applyEvents, type EventBatch } from "./apply-events.ts";
export { type CancelOutcome, cancelRun } from "./cancel-run.ts";
export { type Claim, type Claimed, claimRun } from "./claim-run.ts";
export { type CreatedRun, createManualRun, type ManualRun } from "./create-run.ts";
export {
  type Condition,
  type Definition,
  definitionSchema,
  type Problem,
  type ProblemCode,
} from "./definition/definition.ts";
export { readSchema, type Schema } from "./definition/json-schema.ts";
export type { ActionFacts } from "./definition/known-schemas.ts";
export {
  type ConnectionFacts,
  type DefinitionFacts,
  namedIds,
  type Validation,
  validateDefinition,
} from "./definition/validate-definition.ts";
export { type Issue, validateValue } from "./definition/validate-value.ts";
export { evaluateCondition, RefUnresolvedError, resolveValue, type Scope } from "./definition/value.ts";
export { extendLease, type Heartbeat } from "./heartbeat.ts";
export { isHeld, isTerminal, MAY_BECOME, type RunError, type RunStatus, type StepStatus } from "./lifecycle.ts";
export type { LeaseSettings, SweepSettings } from "./limits.ts";
export { moveRun } from "./move-run.ts";
export { type DispatchPass, type QueuedRun, queueRuns } from "./queue-runs.ts";
export { backOffSeconds, type RetryPolicy } from "./retry-policy.ts";
export { findQueuedTooLong, markRequeued, type Swept, sweepRuns } from "./sweep-runs.ts";
