export { addViewer } from "./demo/add-viewer.ts";
export {
  createGraphqlClient,
  expectData,
  expectRefusal,
  type GraphqlAnswer,
  type GraphqlClient,
  type GraphqlRefusal,
} from "./demo/graphql-client.ts";
export { createStory, type Outcome, type Step } from "./demo/story.ts";
export { postWebhook, signedWebhook, type WebhookReply } from "./demo/webhook-sender.ts";
export { checkMetadataRules } from "./metadata-rules/check-metadata-rules.ts";
export { metadataEnvironmentNames } from "./metadata-rules/environment-names.ts";
export type { Finding, MetadataRule } from "./metadata-rules/finding.ts";
export { type ServiceName, type Stack, type StackOptions, startStack } from "./stack.ts";
