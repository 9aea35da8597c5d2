export { isAllowedHost } from "./allowed-hosts.ts";
export type { Credential } from "./credential.ts";
export { createDial, type Dial } from "./dial.ts";
export {
  type Answered,
  createEgress,
  type Egress,
  type EgressDeps,
  type EgressRequest,
} from "./egress.ts";
export { type EgressAllow, egressAllowTexts, egressConfig, parseEgressAllow } from "./egress-allow.ts";
export type { Failure, FailureCode, Rule, Stage } from "./failure.ts";
export { createMasker, MASK, type Masker } from "./masking.ts";
export type { Method } from "./redirect.ts";
export { createResolve, type Resolve } from "./resolve.ts";
export { checkUrl, type Target } from "./target.ts";
