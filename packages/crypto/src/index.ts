export { createKeyProvider, type KeyProviderSettings } from "./create-key-provider.ts";
export { makeDataKey, rewrapDataKey, type WrappedKey } from "./data-key.ts";
export {
  createEnvelope,
  type Envelope,
  type EnvelopeDeps,
  EnvelopeError,
  type Place,
} from "./envelope.ts";
export { hmacSha256 } from "./hmac.ts";
export { type KeyProvider, KeyProviderUnavailableError } from "./key-provider.ts";
export { createLocalKeyring } from "./local-keyring.ts";
export { hashPassword, PasswordQueueFullError, passwordNeedsRehash, verifyPassword } from "./password.ts";
export { hashToken, newToken, sha256, type Token } from "./tokens.ts";
export { uuidv7 } from "./uuid.ts";
export { createVaultTransit, type VaultSettings } from "./vault-transit.ts";
