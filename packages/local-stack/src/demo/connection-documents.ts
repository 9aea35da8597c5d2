/** The GraphQL documents of the demo's connection. */

export const CREATE_APP = `mutation CreateApp($slug: String!) {
  insert_apps_one(object: {slug: $slug, name: "Orders", description: "made by the demo"}) { id }
}`;

export const CREATE_APP_VERSION = `mutation CreateAppVersion($app: uuid!, $url: String!, $hosts: [String!]!, $auth: jsonb!, $test: jsonb!) {
  insert_app_versions_one(object: {app_id: $app, version: "1.0.0", auth_type: API_KEY, auth_config: $auth, base_url: $url, allowed_hosts: $hosts, test_request: $test}) { id }
}`;

export const CREATE_ACTION = `mutation CreateAction($version: uuid!, $input: jsonb!, $request: jsonb!) {
  insert_actions_one(object: {app_version_id: $version, key: "get_order", name: "Get order", input_schema: $input, request: $request}) { id }
}`;

export const PUBLISH_APP = `mutation PublishApp($app: uuid!) {
  publishAppVersion(appId: $app) { appVersionId version isLatest problems { pointer code message } }
}`;

export const CREATE_CONNECTION = `mutation CreateConnection($version: uuid!, $name: String!, $secrets: jsonb!) {
  createConnection(appVersionId: $version, name: $name, secrets: $secrets) { connectionId status connection { name secret_fields } }
}`;

export const TEST_CONNECTION = `mutation TestConnection($id: uuid!) {
  testConnection(connectionId: $id) { ok stage code httpStatus message hint snippet }
}`;

export const UPDATE_SECRETS = `mutation UpdateSecrets($id: uuid!, $secrets: jsonb!) {
  updateConnectionSecrets(connectionId: $id, secrets: $secrets) { connectionId status }
}`;

export const RUN_ORDER = `mutation RunOrder($workflow: uuid!) {
  runWorkflow(workflowId: $workflow, input: {order: "o-7"}) { runId }
}`;

export const READ_RUN = `query ReadRun($id: uuid!) {
  workflow_runs_by_pk(id: $id) { status input output error step_runs { step_key status input output error } }
}`;
