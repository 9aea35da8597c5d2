import { AppError } from "@control-plane/service-kit/errors";
import { dictionary } from "@zxcvbn-ts/language-common";

const LENGTH_MIN = 12;
const LENGTH_MAX = 256;
/** A password of fewer different characters is one of very few. */
const DIFFERENT_MIN = 4;

const commonPasswords: ReadonlySet<string> = new Set(dictionary["passwords-common"]);

/**
 * The password as it is hashed (NFKC, never cut). Throws `PASSWORD_REJECTED` with the reason: too short or long in
 * characters, made of too few different ones, the e-mail or its local part, or one of some 49,000 common passwords.
 */
export function acceptPassword(password: string, email: string): string {
  const normalised = password.normalize("NFKC");
  const reason = problemOf(normalised, email);
  if (reason !== undefined) throw new AppError("PASSWORD_REJECTED", reason);
  return normalised;
}

function problemOf(password: string, email: string): string | undefined {
  const length = [...password].length;
  if (length < LENGTH_MIN) return `the password is shorter than ${LENGTH_MIN} characters`;
  if (length > LENGTH_MAX) return `the password is longer than ${LENGTH_MAX} characters`;
  if (new Set(password).size < DIFFERENT_MIN)
    return `the password has fewer than ${DIFFERENT_MIN} different characters`;
  const lower = password.toLowerCase();
  if (lower === email || lower === email.split("@")[0]) return "the password is the e-mail address";
  if (commonPasswords.has(lower)) return "the password is among the most common ones";
  return undefined;
}
