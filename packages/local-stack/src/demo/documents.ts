/** The GraphQL documents of the demo: what a front end would send. */

export const REGISTER = `mutation Register($email: String!, $password: String!, $name: String!, $tenantName: String!) {
  registerUserAndTenant(email: $email, password: $password, name: $name, tenantName: $tenantName) {
    accessToken userId tenantId role tenants { slug }
  }
}`;

export const INVITE = `mutation Invite($email: String!, $role: String!) {
  inviteUserToTenant(email: $email, role: $role) { invitationId expiresAt invitation { status delivery_status } }
}`;

export const ACCEPT_INVITATION = `mutation AcceptInvitation($token: String!, $name: String!, $password: String!) {
  acceptInvitation(token: $token, name: $name, password: $password) { accessToken role tenantId }
}`;

export const CORE_ACTIONS = `query CoreActions {
  actions(where: {app_version: {is_latest: {_eq: true}, app: {slug: {_eq: "core"}, tenant_id: {_is_null: true}}}}, order_by: {key: asc}) { id key }
}`;

export const CREATE_WORKFLOW = `mutation CreateWorkflow($name: String!) {
  insert_workflows_one(object: {name: $name, description: "made by the demo"}) { id name }
}`;

export const SAVE_DRAFT = `mutation SaveDraft($workflowId: uuid!, $definition: jsonb!) {
  insert_workflow_versions_one(object: {workflow_id: $workflowId, definition: $definition}) { id version content_hash }
}`;

export const PUBLISH = `mutation Publish($workflowId: uuid!) {
  publishWorkflowVersion(workflowId: $workflowId) { version isLatest previousVersion problems { pointer code message } }
}`;

export const CREATE_TRIGGER = `mutation CreateTrigger($workflowId: uuid!, $name: String!) {
  createWebhookTrigger(workflowId: $workflowId, name: $name, scheme: "STANDARD_WEBHOOKS") { triggerId webhookUrl secret }
}`;

export const CREATE_SCHEDULE = `mutation CreateSchedule($workflowId: uuid!, $cron: String!, $timezone: String!) {
  createScheduleTrigger(workflowId: $workflowId, name: "nightly", cron: $cron, timezone: $timezone) { triggerId nextFires }
}`;

export const RUN_STATUS = `query RunStatus($id: uuid!) { workflow_runs_by_pk(id: $id) { status error } }`;

export const LATEST_RUN = `query LatestRun {
  workflow_runs(order_by: {created_at: desc}, limit: 1) {
    id status source
    steps: step_runs(order_by: {position: asc}) { step_key status output logs { lines { level message } error } }
    logs { lines { seq level message } hasMore error }
  }
}`;

export const RUN_WORKFLOW = `mutation RunWorkflow($workflowId: uuid!) {
  runWorkflow(workflowId: $workflowId, input: {name: "nobody"}) { runId status }
}`;

export const COUNT_FOREIGN = `query Foreign($run: uuid!, $workflow: uuid!) {
  workflow_runs_by_pk(id: $run) { id }
  workflows(where: {id: {_eq: $workflow}}) { id }
  getRunLogs(workflowRunId: "RUN_ID") { lines { message } error }
}`;
