/** Wraps and unwraps data keys with a key-encryption key that never leaves it. */
export type KeyProvider = {
  currentKekId(): Promise<string>;
  /** `context` binds the wrapped key to its row: `cp|dek|v1|<data key id>|<tenant id or platform>`. */
  wrap(dek: Buffer, context: string): Promise<{ kekId: string; wrapped: Buffer }>;
  /** Throws for a wrong context, an unknown KEK or changed bytes; `KeyProviderUnavailableError` when it is away. */
  unwrap(input: { kekId: string; wrapped: Buffer }, context: string): Promise<Buffer>;
};

/** The provider does not answer; the caller answers UNAVAILABLE, which `outage` asks for. */
export class KeyProviderUnavailableError extends Error {
  readonly outage = true;

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "KeyProviderUnavailableError";
  }
}
