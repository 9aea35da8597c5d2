export {
  type ActingMember,
  type Actor,
  type ActorSource,
  actingAs,
  actorSettings,
  inTransaction,
  memberActor,
} from "./actor.ts";
export { type AuditEntry, writeAudit } from "./audit.ts";
export { binaryArray } from "./binary-array.ts";
export {
  createDatabase,
  type Database,
  type DatabaseClient,
  type DatabaseOptions,
  type Queryable,
  type Transaction,
} from "./client.ts";
export { findActiveDataKey, findDataKey, insertDataKey } from "./data-keys.ts";
export { assertDatabaseFit, findDatabaseFaults } from "./database-fit.ts";
export { createDenialLog } from "./denials.ts";
export { findMembership } from "./find-membership.ts";
export { inBatches } from "./in-batches.ts";
export { startListening } from "./listen.ts";
export { type MigrateOptions, migrate } from "./migrate.ts";
export { createPipeline, type Statements } from "./pipeline.ts";
export { repeatOnConflict } from "./repeat-on-conflict.ts";
export { LOGIN_ROLES, type LoginRole } from "./roles.ts";
export { auditEvents, deadLetters } from "./schema/audit.ts";
export { actions, apps, appVersions } from "./schema/catalogue.ts";
export { connections } from "./schema/connections.ts";
export { webhookDeliveries } from "./schema/deliveries.ts";
export {
  actorType,
  appStatus,
  auditOutcome,
  authType,
  catchUpPolicy,
  connectionStatus,
  dataKeyState,
  deadLetterKind,
  deadLetterStatus,
  emailStatus,
  invitationStatus,
  memberRole,
  membershipStatus,
  overlapPolicy,
  runSource,
  runStatus,
  signatureScheme,
  signingKeyState,
  stepStatus,
  triggerType,
} from "./schema/enums.ts";
export {
  accessKeys,
  dataKeys,
  emails,
  passwordResets,
  refreshTokens,
  sessions,
  signingKeys,
} from "./schema/internal.ts";
export { runEventBuffer, stepRuns, workflowRuns } from "./schema/runs.ts";
export { invitations, memberships, tenants, users } from "./schema/tenancy.ts";
export { triggers, workflows, workflowVersions } from "./schema/workflows.ts";
export { seed } from "./seed/seed.ts";
export { inLockedSession, type LockedSession } from "./session-lock.ts";
export { isDataError, isHeldUpByLock, isRefusal, type Refusal, sqlState } from "./sql-state.ts";
export { cloneDatabase, createTemplate, databaseUrl, dropDatabase, roleUrl } from "./template.ts";
export type { DatabaseWork, TimeLimits } from "./time-limits.ts";
