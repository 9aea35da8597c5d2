export {
  type ActionReply,
  type Actions,
  type CallableAction,
  type CallOptions,
  createActions,
  type OutputOf,
  sessionVariables,
} from "./actions.ts";
export { type Clock, createClock } from "./clock.ts";
export {
  type DoubleAnswer,
  type DoubleBehaviour,
  type HttpDouble,
  openHttpDouble,
  type RecordedRequest,
} from "./http-double.ts";
export { type LeakWatch, watchLeaks } from "./leaks.ts";
export { type ComparedAction, findActionDisagreements, findTriggerDisagreements } from "./metadata-agreement.ts";
export type { Attempt } from "./runner/attempt.ts";
export type { Claim, ClaimedStep, NumberedEvent, Report, RunnerEvent, StepError } from "./runner/claim.ts";
export { type RunRunnerOptions, runRunner } from "./runner/run-runner.ts";
export {
  createRunnerApi,
  httpTransport,
  injectTransport,
  type Lease,
  type Refused,
  type RunnerApi,
} from "./runner/runner-api.ts";
export { createRunnerDouble, type RunnerBehaviour, type RunnerDouble } from "./runner/runner-double.ts";
export { openStoreWire, type StoreWire } from "./store-wire.ts";
export { test } from "./test.ts";
export { openTestDatabase, type TestDatabase } from "./test-database.ts";
export { createTestKeys, type TestKeys } from "./test-keys.ts";
export { openTestLogs, type TestLogs } from "./test-logs.ts";
export { openTestRedis, type TestRedis } from "./test-redis.ts";
export { uniqueName, uniqueSlug } from "./unique.ts";
export type { AppOptions, TestApp } from "./world/app.ts";
export { completeDefinition, type DefinitionSketch, type StepSketch, type TestVersion } from "./world/definition.ts";
export type { RunOptions, TestRun } from "./world/run.ts";
export type { TenantOptions, TestTenant } from "./world/tenant.ts";
export { type MemberRole, TEST_PASSWORD, type TestUser, type UserOptions } from "./world/user.ts";
export type { ScheduleOptions, TestWorkflow, WebhookOptions, WorkflowOptions } from "./world/workflow.ts";
export { createWorld, type World } from "./world/world.ts";
