import { pgEnum, pgSchema } from "drizzle-orm/pg-core";

/** Never tracked by Hasura and not readable by its role. */
export const internal = pgSchema("internal");

export const memberRole = pgEnum("member_role", ["owner", "admin", "builder", "viewer"]);
export const membershipStatus = pgEnum("membership_status", ["ACTIVE", "REMOVED"]);
export const invitationStatus = pgEnum("invitation_status", ["PENDING", "ACCEPTED", "DECLINED", "REVOKED", "EXPIRED"]);
export const emailStatus = pgEnum("email_status", ["QUEUED", "SENT", "FAILED"]);
export const appStatus = pgEnum("app_status", ["DRAFT", "PUBLISHED"]);
export const authType = pgEnum("auth_type", ["NONE", "API_KEY", "BASIC", "BEARER", "OAUTH2_CLIENT_CREDENTIALS"]);
export const connectionStatus = pgEnum("connection_status", ["UNTESTED", "ACTIVE", "FAILING"]);
export const triggerType = pgEnum("trigger_type", ["WEBHOOK", "SCHEDULE"]);
export const signatureScheme = pgEnum("signature_scheme", [
  "STANDARD_WEBHOOKS",
  "GITHUB",
  "STRIPE",
  "SLACK",
  "SHOPIFY",
  "GENERIC_HMAC",
  "NONE",
]);
export const overlapPolicy = pgEnum("overlap_policy", ["ALLOW", "SKIP"]);
export const catchUpPolicy = pgEnum("catch_up_policy", ["NONE", "LAST"]);
export const runStatus = pgEnum("run_status", [
  "PENDING",
  "QUEUED",
  "RUNNING",
  "CANCELLING",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
  "TIMED_OUT",
]);
export const runSource = pgEnum("run_source", ["MANUAL", "WEBHOOK", "SCHEDULE", "RETRY", "REPLAY"]);
export const stepStatus = pgEnum("step_status", [
  "PENDING",
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "SKIPPED",
  "CANCELLED",
  "TIMED_OUT",
]);
export const deadLetterKind = pgEnum("dead_letter_kind", ["RUN", "RUN_EVENT", "EMAIL"]);
export const deadLetterStatus = pgEnum("dead_letter_status", ["OPEN", "REDRIVEN", "DISCARDED"]);
export const actorType = pgEnum("actor_type", ["USER", "SYSTEM", "RUNNER"]);
export const auditOutcome = pgEnum("audit_outcome", ["SUCCESS", "DENIED"]);
export const signingKeyState = internal.enum("signing_key_state", ["NEXT", "CURRENT", "RETIRING", "RETIRED"]);
export const dataKeyState = internal.enum("data_key_state", ["ACTIVE", "DECRYPT_ONLY", "DESTROYED"]);
