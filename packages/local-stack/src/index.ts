export { checkMetadataRules } from "./metadata-rules/check-metadata-rules.ts";
export { metadataEnvironmentNames } from "./metadata-rules/environment-names.ts";
export type { Finding, MetadataRule } from "./metadata-rules/finding.ts";
