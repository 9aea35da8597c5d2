/**
 * Something we depend on did not do its work in time. It is answered 503 with `Retry-After`, never as the caller's
 * fault. Errors of other packages say the same by carrying `outage: true`.
 */
export class OutageError extends Error {
  readonly outage = true;

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "OutageError";
  }
}

/**
 * Connections that cannot be had or break; SQLSTATEs of a server that starts, stops, is full or gave a statement up
 * (57014 statement_timeout, 55P03 lock_timeout, 25P03 idle in a transaction), and of conflicts that went on through all
 * repetitions (40001, 40P01).
 */
const OUTAGE_CODES =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|08...|53...|57014|57P0[1-5]|55P03|25P03|40001|40P01)$/;
/** Errors of pg, its pool and ioredis that have no code. */
const OUTAGE_MESSAGES =
  /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Query read timeout|Stream isn't writeable|Connection is closed|Command timed out|Reached the max retries per request limit)/;

const CAUSES_MAX = 5;

/** Looks through the causes, since drivers wrap each other's errors. */
export function isOutage(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > CAUSES_MAX) return false;
  if ("outage" in error && error.outage === true) return true;
  if ("code" in error && typeof error.code === "string" && OUTAGE_CODES.test(error.code)) return true;
  return OUTAGE_MESSAGES.test(error.message) || isOutage(error.cause, depth + 1);
}
