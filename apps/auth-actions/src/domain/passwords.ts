import { hashPassword as hashNow, PasswordQueueFullError, verifyPassword as verifyNow } from "@control-plane/crypto";
import { AppError } from "@control-plane/service-kit/errors";

/** By then a full queue has been worked off. */
const RETRY_AFTER_SECONDS = 5;

/** Throws `RATE_LIMITED` when too many wait for their turn. */
export function hashPassword(password: string): Promise<string> {
  return hashNow(password).catch(refuseWhenFull);
}

/** False for a wrong password. Throws `RATE_LIMITED` when too many wait for their turn. */
export function verifyPassword(stored: string, password: string): Promise<boolean> {
  return verifyNow(stored, password).catch(refuseWhenFull);
}

function refuseWhenFull(error: unknown): never {
  if (!(error instanceof PasswordQueueFullError)) throw error;
  throw new AppError("RATE_LIMITED", "too many people sign in at this moment", {
    details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
    cause: error,
  });
}
