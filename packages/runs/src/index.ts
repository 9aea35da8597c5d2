export { acceptDeliveries, type DeliveryOutcome, type NewDelivery } from "./accept-deliveries.ts";
export { type Applied, applyEvents, type EventBatch } from "./apply-events.ts";
export { backOffSeconds, type RetryPolicy } from "./attempt-end.ts";
export { type CancelOutcome, cancelRun } from "./cancel-run.ts";
export { type Claim, type Claimed, claimRun } from "./claim-run.ts";
export { type CreatedRun, createManualRun, type ManualRun } from "./create-run.ts";
export {
  type Condition,
  type Definition,
  definitionSchema,
  type JsonValue,
  jsonValueSchema,
  type Problem,
  type ProblemCode,
} from "./definition/definition.ts";
export { type Issue, readSchema, type Schema, validateValue } from "./definition/json-schema.ts";
export {
  type ActionFacts,
  type ConnectionFacts,
  type DefinitionFacts,
  namedIds,
  type Validation,
  validateDefinition,
} from "./definition/validate-definition.ts";
export { evaluateCondition, RefUnresolvedError, resolveValue, type Scope } from "./definition/value.ts";
export { extendLease, type Heartbeat } from "./heartbeat.ts";
export { isHeld, isTerminal, MAY_BECOME, type RunError, type RunStatus, type StepStatus } from "./lifecycle.ts";
export type { LeaseSettings, SweepSettings } from "./limits.ts";
export { type DispatchPass, type QueuedRun, queueRuns } from "./queue-runs.ts";
export { findQueuedTooLong, markRequeued, type Swept, sweepRuns } from "./sweep-runs.ts";
