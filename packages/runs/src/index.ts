export { deepEqual } from "@control-plane/queue/json-equality";
export { isJsonObject, type JsonValue, jsonValueSchema } from "@control-plane/queue/json-value";
export { acceptDeliveries, type DeliveryOutcome, type NewDelivery } from "./accept-deliveries.ts";
export { type Auth, type AuthType, authSchema, SECRET_FIELDS } from "./app-version/auth.ts";
export { type TestRequest, testRequestSchema } from "./app-version/http-requests.ts";
export {
  type AppVersionRules,
  judgeBaseUrl,
  type StoredAction,
  type StoredAppVersion,
  validateAppVersion,
} from "./app-version/validate-app-version.ts";
export { applyEvents } from "./apply-events.ts";
export { type InOrderOutcome, type InOrderWrite, writeInOrder } from "./apply-in-order.ts";
export {
  type BulkSettings,
  type CancelledRuns,
  cancelRuns,
  type RetriedRuns,
  type RunFilter,
  retryRuns,
} from "./bulk-runs.ts";
export { cancelRun } from "./cancel-run.ts";
export { type Claim, type ClaimOutcome, claimRuns } from "./claim-run.ts";
export { createReplayRun } from "./create-replay.ts";
export { createManualRun } from "./create-run.ts";
export { createScheduledRuns, type FireOutcome, type ScheduledFire } from "./create-scheduled-runs.ts";
export type { ActionFacts } from "./definition/known-schemas.ts";
export type { Problem } from "./definition/problem.ts";
export { type ConnectionFacts, namedIds, validateDefinition } from "./definition/validate-definition.ts";
export { extendLease } from "./extend-lease.ts";
export type { LeaseSettings } from "./lease-settings.ts";
export { isHeld, type RunStatus } from "./lifecycle.ts";
export { queueRuns } from "./queue-runs.ts";
export { findQueuedTooLong, type LostJobSettings, markRequeued, type QueuedAttempt } from "./requeue-runs.ts";
export { type RetryWay, retryRun, retryWithin } from "./retry-run.ts";
export { dueFires } from "./schedule/due-fires.ts";
export { nextFire, nextFires, readSchedule, type ScheduleProblem } from "./schedule/schedule.ts";
export { INTEGER_MAX, storageProblem, storageProblemOfText } from "./storable-json.ts";
export { type SweepSettings, sweepRuns } from "./sweep-runs.ts";
