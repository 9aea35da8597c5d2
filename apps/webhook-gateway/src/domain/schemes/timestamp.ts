type TimestampProblem = "TIMESTAMP_MALFORMED" | "TIMESTAMP_TOO_OLD" | "TIMESTAMP_IN_FUTURE";

/** Judges a timestamp of unix seconds against the time of receipt, in both directions. */
export function timestampProblem(
  text: string | undefined,
  receivedAt: number,
  toleranceSeconds: number,
): TimestampProblem | undefined {
  if (text === undefined || !/^[0-9]{1,20}$/.test(text)) return "TIMESTAMP_MALFORMED";
  // One that a number cannot hold exactly is ages away all the same.
  const age = Math.floor(receivedAt) - Number(text);
  if (age > toleranceSeconds) return "TIMESTAMP_TOO_OLD";
  if (-age > toleranceSeconds) return "TIMESTAMP_IN_FUTURE";
  return undefined;
}
