import { createSharedRateWindows, type RateStore, type SharedRateWindow } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { createTurns, type Turns } from "../turns.ts";
import type { Origin } from "./sessions.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export type Limits = ReturnType<typeof createLimits>;

/** Counts failures. Tries of one subject take turns in this process, so that those that succeed do not count meanwhile. */
type FailureWindow = SharedRateWindow & { readonly inTurn: Turns };

/** `factor` multiplies every limit. */
export function createLimits(store: RateStore | undefined, factor: number) {
  const windows = createSharedRateWindows(store);
  const window = (name: string, limit: number, windowMs: number) => windows(`auth-${name}`, limit * factor, windowMs);
  const failures = (name: string, limit: number, windowMs: number): FailureWindow => ({
    ...window(name, limit, windowMs),
    inTurn: createTurns(),
  });
  return {
    /** Per address. */
    signInTries: window("sign-in-tries", 100, 5 * MINUTE),
    /** Per e-mail and address. */
    signInFailures: failures("sign-in-failures", 5, MINUTE),
    /** Per e-mail. A window of its own: a flood through Hasura does not lock the owner out of the direct path. */
    signInFailuresThroughHasura: failures("sign-in-failures-hasura", 5, MINUTE),
    /** Per user: whoever changes a password is signed in. */
    passwordChangeFailures: failures("password-change-failures", 5, MINUTE),
    /** Per address. */
    registrations: window("registrations", 10, HOUR),
    /** Per address: refreshSession and switchTenant. */
    refreshes: window("refreshes", 300, MINUTE),
    /** Per e-mail. */
    resetRequests: window("reset-requests", 3, HOUR),
    /** Per address. */
    resetRequestsOfAddress: window("reset-requests-address", 20, HOUR),
    /** Per address: resetPassword, acceptInvitation, declineInvitation. */
    mailedTokens: window("mailed-tokens", 20, MINUTE),
    /** Per tenant: inviteUserToTenant and resendInvitation. */
    invitations: window("invitations", 50, HOUR),
    /** Per access key. */
    keyUses: window("key-uses", 60, MINUTE),
    /** Per address. */
    keyFailures: failures("key-failures", 20, MINUTE),
    connectionTests: window("connection-tests", 10, MINUTE),
    connectionTestsOfTenant: window("connection-tests-tenant", 60, MINUTE),
    /** Per user: rows of the trail about refused sign-ins. */
    deniedRows: window("denied-rows", 60, MINUTE),
  };
}

/** Counts one. Throws `RATE_LIMITED` when the subject is at its limit. */
export async function spend(window: SharedRateWindow, subject: string): Promise<void> {
  const retryAfterSeconds = await window.take(subject);
  if (retryAfterSeconds !== undefined)
    throw new AppError("RATE_LIMITED", "too many tries; wait a moment", { details: { retryAfterSeconds } });
}

/** The same per address; through Hasura the address is not known. */
export async function spendOfAddress(window: SharedRateWindow, { ip }: Origin): Promise<void> {
  if (ip !== undefined) await spend(window, ip);
}

/**
 * Bounds how often `work` may fail with `failure`. A try counts from its start until it is known not to have failed so,
 * which bounds guesses made at once at several replicas as well.
 */
export function spendOnFailure<T>(
  window: FailureWindow,
  subject: string,
  failure: AppError["code"],
  work: () => Promise<T>,
): Promise<T> {
  return window.inTurn(subject, async () => {
    await spend(window, subject);
    try {
      const done = await work();
      // Not waited for: whoever asks next asks behind it, on the same connection.
      void window.giveBack(subject);
      return done;
    } catch (error) {
      if (!(error instanceof AppError && error.code === failure)) void window.giveBack(subject);
      throw error;
    }
  });
}

/** Bounds guesses of a user's password by whoever is not signed in. */
export async function boundingGuesses<T>(
  { limits }: { limits: Limits },
  email: string,
  origin: Origin,
  work: () => Promise<T>,
): Promise<T> {
  if (origin.ip === undefined)
    return spendOnFailure(limits.signInFailuresThroughHasura, email, "INVALID_CREDENTIALS", work);
  await spend(limits.signInTries, origin.ip);
  return spendOnFailure(limits.signInFailures, `${email} ${origin.ip}`, "INVALID_CREDENTIALS", work);
}
