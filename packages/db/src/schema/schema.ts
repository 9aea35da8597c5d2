import { auditEvents, deadLetters } from "./audit.ts";
import { actions, apps, appVersions } from "./catalogue.ts";
import { connections } from "./connections.ts";
import { webhookDeliveries } from "./deliveries.ts";
import { accessKeys, dataKeys, emails, passwordResets, refreshTokens, sessions, signingKeys } from "./internal.ts";
import * as relations from "./relations.ts";
import { runEventBuffer, stepRuns, workflowRuns } from "./runs.ts";
import { invitations, memberships, tenants, users } from "./tenancy.ts";
import { triggers, workflows, workflowVersions } from "./workflows.ts";

/** The 16 tracked and 8 internal tables. */
export const tables = {
  tenants,
  users,
  memberships,
  invitations,
  apps,
  appVersions,
  actions,
  connections,
  workflows,
  workflowVersions,
  triggers,
  workflowRuns,
  stepRuns,
  auditEvents,
  webhookDeliveries,
  deadLetters,
  sessions,
  refreshTokens,
  passwordResets,
  accessKeys,
  signingKeys,
  dataKeys,
  emails,
  runEventBuffer,
};

export const schema = { ...tables, ...relations };
