/** The five-character SQLSTATE of an error of the driver, also when drizzle has wrapped it. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code)) return error.code;
  return sqlState(error.cause);
}

/** What the triggers refuse with; the README says what each means. */
export type Refusal =
  | "TENANT_GUARD"
  | "PUBLISHED_IMMUTABLE"
  | "LAST_OWNER"
  | "APP_VERSION_NOT_IN_TENANT"
  | "RUN_TRANSITION"
  | "STEP_TRANSITION"
  | "AUDIT_APPEND_ONLY";

/** Whether an error of a statement, or of the commit, is this refusal of a database trigger. */
export function isRefusal(error: unknown, refusal: Refusal): boolean {
  if (!(error instanceof Error)) return false;
  return (error.message === refusal && sqlState(error) !== undefined) || isRefusal(error.cause, refusal);
}

/** Whether a statement was given up because of rows or tables that another transaction holds, or because it took too long. */
export function isHeldUpByLock(error: unknown): boolean {
  const state = sqlState(error);
  return state === "55P03" || state === "57014";
}

/** Class 22: a value that its type cannot hold. */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  return state?.startsWith("22") === true || state === "54000";
}
