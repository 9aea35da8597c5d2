export {
  type ConfigEntry,
  type ConfigProblem,
  configReference,
  databaseConfig,
  hasuraSecrets,
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
export { type Caller, defineAction, type HasuraAction, registerActions, requireSecret } from "./hasura-action.ts";
export { defineCron, defineEvent, type HasuraCron, type HasuraEvent, registerEvents } from "./hasura-event.ts";
export type { ReadinessChecks } from "./health.ts";
export { createLogger, type Logger } from "./logger.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { type PoolCounts, registerPoolMetrics } from "./pool-metrics.ts";
export { registerMetrics } from "./register-metrics.ts";
export { type HasuraRole, hasuraRole, type MemberRole, memberRole } from "./roles.ts";
export { secretMatches } from "./secrets.ts";
export { type CreateServerOptions, createServer } from "./server.ts";
export { type Loop, runUntilSignal } from "./shutdown.ts";
export {
  currentRequestId,
  currentTrace,
  enterRequest,
  newTraceparent,
  parseTraceparent,
  runWithTrace,
  type Trace,
} from "./trace.ts";
