export { chooseRunner } from "./choose-runner.ts";
export {
  createGraphqlClient,
  expectData,
  expectRefusal,
  type GraphqlAnswer,
  type GraphqlClient,
  type GraphqlRefusal,
} from "./demo/graphql-client.ts";
export { inviteViewer } from "./demo/invite-viewer.ts";
export { type ReadMail, readMailFiles } from "./demo/read-mail.ts";
export { type NextCommand, nextCommands } from "./demo/try-next.ts";
export { postWebhook, signedWebhook, type WebhookReply } from "./demo/webhook-sender.ts";
export { type RouteCell, readRouteCells } from "./metadata-rules/route-cells.ts";
export { offlineEngineEnv } from "./offline-engine.ts";
export { choosePorts } from "./ports.ts";
export { engineSpec, runnerEnv, type SpecInput, serviceSpecs } from "./process-specs.ts";
export { type ReverseProxy, startProxy } from "./proxy.ts";
export { loadSecrets } from "./secrets.ts";
export { setupLogs } from "./setup-logs.ts";
export { type ServiceName, type Stack, type StackOptions, startStack } from "./stack.ts";
