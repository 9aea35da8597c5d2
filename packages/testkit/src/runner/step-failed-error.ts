import type { StepError } from "./claim.ts";

/** A step cannot succeed. */
export class StepFailedError extends Error {
  readonly error: StepError;

  constructor(code: string, message: string, options: { retryable?: boolean; retryAfterSeconds?: number } = {}) {
    super(message);
    this.name = "StepFailedError";
    const { retryable = false, retryAfterSeconds } = options;
    this.error = { code, message, retryable, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  }
}
