import { randomBytes } from "node:crypto";
import type { MirroredTenant } from "./mirrored-tenant.ts";
import type { TrackedAction } from "./tracked-tables.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** For each Hasura action: arguments with which it works for members of the tenant whose rows they name. */
const SAMPLES: Readonly<Record<string, (rows: MirroredTenant) => Arguments>> = {
  acceptInvitation: ({ drafts }) => ({
    token: drafts.get("token of the open invitation"),
    password: "a password of the one invited",
    name: "invited",
  }),
  accessKeys: () => ({}),
  cancelRun: (rows) => ({ runId: rows.shown("workflow_runs", "owner") }),
  cancelRuns: (rows) => ({ filter: { workflowId: rows.shown("workflows", "owner") }, dryRun: true }),
  changeMemberRole: ({ drafts }) => ({ membershipId: drafts.get("spare member"), role: "builder" }),
  changePassword: ({ users: { owner } }) => ({
    currentPassword: owner.password,
    newPassword: `another long password ${randomBytes(4).toString("hex")}`,
  }),
  createAccessKey: () => ({ name: randomBytes(4).toString("hex") }),
  createConnection: (rows) => ({
    name: randomBytes(4).toString("hex"),
    appVersionId: rows.shown("app_versions", "owner"),
    secrets: { apiKey: randomBytes(4).toString("hex") },
  }),
  createScheduleTrigger: (rows) => ({
    workflowId: rows.shown("workflows", "owner"),
    name: "nightly",
    cron: "0 3 * * *",
    timezone: "Europe/Berlin",
  }),
  createWebhookTrigger: (rows) => ({
    workflowId: rows.shown("workflows", "owner"),
    name: "hook",
    scheme: "STANDARD_WEBHOOKS",
  }),
  declineInvitation: ({ drafts }) => ({ token: drafts.get("token of the open invitation") }),
  deleteConnection: ({ drafts }) => ({ connectionId: drafts.get("spare connection") }),
  discardDeadLetter: ({ drafts }) => ({ deadLetterId: drafts.get("open letter") }),
  inviteUserToTenant: () => ({ email: `${randomBytes(4).toString("hex")}@example.com`, role: "viewer" }),
  leaveTenant: () => ({}),
  login: ({ users: { owner }, tenant }) => ({
    email: owner.email,
    password: owner.password,
    tenantSlug: tenant.slug,
  }),
  logout: ({ drafts }) => ({ refreshToken: drafts.get("refresh token") }),
  logoutEverywhere: () => ({}),
  mySessions: () => ({}),
  publishAppVersion: ({ drafts }) => ({ appId: drafts.get("drafted app"), dryRun: true }),
  publishWorkflowVersion: ({ drafts }) => ({ workflowId: drafts.get("drafted workflow"), dryRun: true }),
  redriveDeadLetter: ({ drafts }) => ({ deadLetterId: drafts.get("open letter") }),
  refreshSession: ({ drafts }) => ({ refreshToken: drafts.get("refresh token") }),
  registerUserAndTenant() {
    const tag = randomBytes(4).toString("hex");
    return { email: `${tag}@example.com`, password: `a long password of ${tag}`, name: tag, tenantName: tag };
  },
  removeMember: ({ drafts }) => ({ membershipId: drafts.get("spare member") }),
  requestPasswordReset: ({ users: { owner } }) => ({ email: owner.email }),
  replayDelivery: (rows) => ({ deliveryId: rows.shown("webhook_deliveries", "owner") }),
  resendInvitation: ({ drafts }) => ({ invitationId: drafts.get("open invitation") }),
  resetPassword: ({ drafts }) => ({
    token: drafts.get("reset token"),
    newPassword: `another long password ${randomBytes(4).toString("hex")}`,
  }),
  retryRun: (rows) => ({ runId: rows.shown("workflow_runs", "owner") }),
  retryRuns: (rows) => ({ filter: { workflowId: rows.shown("workflows", "owner") }, dryRun: true }),
  revokeAccessKey: ({ drafts }) => ({ keyId: drafts.get("access key") }),
  revokeInvitation: ({ drafts }) => ({ invitationId: drafts.get("open invitation") }),
  revokeSession: ({ drafts }) => ({ sessionId: drafts.get("session") }),
  rotateTriggerSecret: ({ drafts }) => ({ triggerId: drafts.get("signed trigger"), graceSeconds: 0 }),
  runWorkflow: (rows) => ({ workflowId: rows.shown("workflows", "owner") }),
  sendTestWebhook: (rows) => ({ triggerId: rows.shown("triggers", "owner"), payload: { mark: rows.mark } }),
  switchTenant: ({ tenant, drafts }) => ({ tenantId: tenant.id, refreshToken: drafts.get("refresh token") }),
  testConnection: ({ drafts }) => ({ connectionId: drafts.get("spare connection") }),
  unpublishWorkflow: ({ drafts }) => ({ workflowId: drafts.get("drafted workflow") }),
  updateConnectionSecrets: ({ drafts }) => ({ connectionId: drafts.get("spare connection"), secrets: {} }),
  updateScheduleTrigger: ({ drafts }) => ({ triggerId: drafts.get("schedule"), cron: "30 4 * * *" }),
};

/** Throws for an action without a sample. */
export function sampleArguments(action: TrackedAction, rows: MirroredTenant): Arguments {
  const sample = SAMPLES[action.name];
  if (sample === undefined) throw new Error(`${action.name} is a Hasura action: give arguments for it here`);
  return sample(rows);
}

/** Names of the arguments that name objects. */
export function idArguments(action: TrackedAction): string[] {
  return action.arguments.filter(({ type }) => /^uuid!?$/.test(type)).map(({ name }) => name);
}

/** The call of an action with variables for `given`. */
export function actionCall(action: TrackedAction, given: Arguments): string {
  const used = action.arguments.filter(({ name }) => Object.hasOwn(given, name));
  const declared = inBrackets(used.map(({ name, type }) => `$${name}: ${type}`));
  return `${action.type}${declared} { ${action.name}${inBrackets(used.map(({ name }) => `${name}: $${name}`))} { __typename } }`;
}

function inBrackets(parts: readonly string[]): string {
  return parts.length === 0 ? "" : `(${parts.join(", ")})`;
}
