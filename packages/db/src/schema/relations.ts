import { relations } from "drizzle-orm";
import { actions, apps, appVersions } from "./catalogue.ts";
import { connections } from "./connections.ts";
import { webhookDeliveries } from "./deliveries.ts";
import { emails, refreshTokens, sessions } from "./internal.ts";
import { stepRuns, workflowRuns } from "./runs.ts";
import { invitations, memberships, tenants, users } from "./tenancy.ts";
import { triggers, workflows, workflowVersions } from "./workflows.ts";

// All relations are in this one file: spread over the table files they would import each other in circles.

export const tenantRelations = relations(tenants, ({ many }) => ({
  memberships: many(memberships),
  invitations: many(invitations),
  workflows: many(workflows),
  connections: many(connections),
}));

export const userRelations = relations(users, ({ many }) => ({
  memberships: many(memberships),
  sessions: many(sessions),
}));

export const membershipRelations = relations(memberships, ({ one }) => ({
  tenant: one(tenants, { fields: [memberships.tenantId], references: [tenants.id] }),
  user: one(users, { fields: [memberships.userId], references: [users.id] }),
}));

export const invitationRelations = relations(invitations, ({ one, many }) => ({
  tenant: one(tenants, { fields: [invitations.tenantId], references: [tenants.id] }),
  emails: many(emails),
}));

export const appRelations = relations(apps, ({ many }) => ({ versions: many(appVersions) }));

export const appVersionRelations = relations(appVersions, ({ one, many }) => ({
  app: one(apps, { fields: [appVersions.appId], references: [apps.id] }),
  actions: many(actions),
}));

export const actionRelations = relations(actions, ({ one }) => ({
  appVersion: one(appVersions, { fields: [actions.appVersionId], references: [appVersions.id] }),
}));

export const connectionRelations = relations(connections, ({ one }) => ({
  tenant: one(tenants, { fields: [connections.tenantId], references: [tenants.id] }),
  appVersion: one(appVersions, { fields: [connections.appVersionId], references: [appVersions.id] }),
}));

export const workflowRelations = relations(workflows, ({ one, many }) => ({
  tenant: one(tenants, { fields: [workflows.tenantId], references: [tenants.id] }),
  versions: many(workflowVersions),
  triggers: many(triggers),
  runs: many(workflowRuns),
}));

export const workflowVersionRelations = relations(workflowVersions, ({ one }) => ({
  workflow: one(workflows, { fields: [workflowVersions.workflowId], references: [workflows.id] }),
}));

export const triggerRelations = relations(triggers, ({ one, many }) => ({
  workflow: one(workflows, { fields: [triggers.workflowId], references: [workflows.id] }),
  deliveries: many(webhookDeliveries),
}));

export const webhookDeliveryRelations = relations(webhookDeliveries, ({ one, many }) => ({
  trigger: one(triggers, { fields: [webhookDeliveries.triggerId], references: [triggers.id] }),
  runs: many(workflowRuns),
}));

export const workflowRunRelations = relations(workflowRuns, ({ one, many }) => ({
  tenant: one(tenants, { fields: [workflowRuns.tenantId], references: [tenants.id] }),
  workflow: one(workflows, { fields: [workflowRuns.workflowId], references: [workflows.id] }),
  version: one(workflowVersions, { fields: [workflowRuns.workflowVersionId], references: [workflowVersions.id] }),
  trigger: one(triggers, { fields: [workflowRuns.triggerId], references: [triggers.id] }),
  webhookDelivery: one(webhookDeliveries, {
    fields: [workflowRuns.webhookDeliveryId],
    references: [webhookDeliveries.id],
  }),
  retryOfRun: one(workflowRuns, {
    fields: [workflowRuns.retryOfRunId],
    references: [workflowRuns.id],
    relationName: "retries",
  }),
  retries: many(workflowRuns, { relationName: "retries" }),
  steps: many(stepRuns),
}));

export const stepRunRelations = relations(stepRuns, ({ one }) => ({
  run: one(workflowRuns, { fields: [stepRuns.workflowRunId], references: [workflowRuns.id] }),
  action: one(actions, { fields: [stepRuns.actionId], references: [actions.id] }),
}));

export const sessionRelations = relations(sessions, ({ one, many }) => ({
  user: one(users, { fields: [sessions.userId], references: [users.id] }),
  tokens: many(refreshTokens),
}));

export const refreshTokenRelations = relations(refreshTokens, ({ one }) => ({
  session: one(sessions, { fields: [refreshTokens.sessionId], references: [sessions.id] }),
}));

export const emailRelations = relations(emails, ({ one }) => ({
  invitation: one(invitations, { fields: [emails.invitationId], references: [invitations.id] }),
}));
