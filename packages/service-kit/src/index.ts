export { type Batcher, type BatcherOptions, createBatcher } from "./batcher.ts";
export {
  type ConfigEntry,
  type ConfigProblem,
  commaList,
  configReference,
  databaseConfig,
  failpointConfig,
  hasuraActionSecret,
  hasuraEventSecret,
  httpConfig,
  keyConfig,
  keyProblems,
  mongoConfig,
  readConfig,
  redisConfig,
  renderEnvExample,
  renderEnvironmentPage,
} from "./config.ts";
export {
  AppError,
  ERROR_CODES,
  type ErrorAnswer,
  type ErrorCode,
  errorBody,
  parseInput,
  renderErrorsPage,
} from "./errors.ts";
export {
  type ActionAccess,
  type ActionCaller,
  type Caller,
  callAction,
  defineAction,
  type HasuraAction,
  type RegisterActionsOptions,
  registerActions,
  requireSecret,
} from "./hasura-action.ts";
export { defineCron, defineEvent, type HasuraCron, type HasuraEvent, registerEvents } from "./hasura-event.ts";
export type { ReadinessChecks } from "./health.ts";
export { inTime } from "./in-time.ts";
export { startIntervalLoop, type WakeableLoop } from "./interval-loop.ts";
export { createLogger, type Logger } from "./logger.ts";
export { LOOPBACK_ORIGIN } from "./loopback-origin.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { isOutage } from "./outage.ts";
export { type PoolCounts, registerPoolMetrics } from "./pool-metrics.ts";
export { quietly } from "./quietly.ts";
export { createRateWindow, type RateWindow } from "./rate-window.ts";
export { readJson } from "./read-json.ts";
export { registerMetrics } from "./register-metrics.ts";
export {
  ANONYMOUS_ROLE,
  HASURA_ROLES,
  type HasuraRole,
  hasuraRole,
  isHasuraRole,
  MEMBER_ROLES,
  type MemberRole,
  memberRole,
} from "./roles.ts";
export { secretMatches } from "./secrets.ts";
export { type CreateServerOptions, createServer } from "./server.ts";
export { settingProblem } from "./setting-problem.ts";
export { createSharedRateWindows, type RateStore, type SharedRateWindow } from "./shared-rate-window.ts";
export { type Loop, runUntilSignal } from "./shutdown.ts";
export { startService } from "./start-service.ts";
export { isStorableText, nameText, storableText } from "./storable-text.ts";
export {
  currentRequestId,
  currentTrace,
  newTraceparent,
  parseTraceparent,
  runWithTrace,
  type Trace,
} from "./trace.ts";
export { createWakeSignal, type WakeSignal } from "./wake-signal.ts";
