export {
  type ActionReply,
  type Actions,
  type CallableAction,
  type CallOptions,
  type OutputOf,
  sessionVariables,
} from "./actions.ts";
export type { Clock } from "./clock.ts";
export { type NamedScenario, readScenarios } from "./conformance/read-scenarios.ts";
export type { Scenario } from "./conformance/scenario.ts";
export { type Conformance, type RunnerCommand, startConformance } from "./conformance/start-conformance.ts";
export type { DoubleAnswer, DoubleBehaviour, HttpDouble, RecordedRequest } from "./http-double.ts";
export { type LeakWatch, watchLeaks } from "./leaks.ts";
export { recordLog } from "./log-lines.ts";
export { findLooseObjects } from "./loose-objects.ts";
export { type ComparedAction, findActionDisagreements, findTriggerDisagreements } from "./metadata-agreement.ts";
export { processEnvironment } from "./process-environment.ts";
export { recordRoutes } from "./record-routes.ts";
export { refuseSettings } from "./refused-settings.ts";
export type { Attempt } from "./runner/attempt.ts";
export type { Claim, ClaimedStep, NumberedEvent, Report, RunnerEvent, StepError } from "./runner/claim.ts";
export { type RunRunnerOptions, runRunner } from "./runner/run-runner.ts";
export type { Lease, Refused, RunnerApi } from "./runner/runner-api.ts";
export type { RunnerBehaviour, RunnerDouble } from "./runner/runner-double.ts";
export { openStoreWire, type StoreWire } from "./store-wire.ts";
export { test } from "./test.ts";
export { openTestDatabase, type TestDatabase } from "./test-database.ts";
export { createTestKeys, type TestKeys } from "./test-keys.ts";
export type { TestLogs } from "./test-logs.ts";
export type { TestRedis } from "./test-redis.ts";
export { findUnstorableTexts } from "./text-arguments.ts";
export {
  buildToken,
  fillText,
  newTableKey,
  readTokenTable,
  type TableKey,
  type TokenContext,
  type TokenRow,
} from "./token-table.ts";
export { uniqueName, uniqueSlug } from "./unique.ts";
export type { AppOptions, TestApp } from "./world/app.ts";
export type { DefinitionSketch, StepSketch, TestVersion } from "./world/definition.ts";
export type { RunOptions, TestRun } from "./world/run.ts";
export type { TenantOptions, TestTenant } from "./world/tenant.ts";
export type { MemberRole, TestUser, UserOptions } from "./world/user.ts";
export type { ScheduleOptions, TestWorkflow, WebhookOptions, WorkflowOptions } from "./world/workflow.ts";
export { createWorld, type World } from "./world/world.ts";
