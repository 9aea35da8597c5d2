export {
  createEngine,
  type Engine,
  type EngineOptions,
  type EngineState,
  type ExecutionResult,
} from "./engine.ts";
export type { EngineLog } from "./engine-log.ts";
export { HASURA_ERROR_CODES, HasuraError, type HasuraErrorCode } from "./hasura-error.ts";
export { loadMetadata } from "./metadata/load-metadata.ts";
export type { Metadata } from "./metadata/metadata.ts";
export { type ParseResult, parseMetadata } from "./metadata/parse-metadata.ts";
export { MetadataRefusedError, type Problem, problemText } from "./metadata/problem.ts";
export { readMetadataDirectory } from "./metadata/read-directory.ts";
export type { Inconsistency, Model } from "./model/model.ts";
export type { MetadataHolder } from "./server/served-engine.ts";
export { buildServer, type ServerOptions } from "./server.ts";
export type { RequestContext, Session } from "./session/session.ts";
export { type EngineSettings, settingsFromEnv } from "./settings.ts";
