/** A request as it arrived; header names are lower-case, in order, duplicates kept. */
export type ReceivedRequest = {
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
  /** Unix seconds at the request's first byte. */
  receivedAt: number;
};

/** A secret that may verify at this moment, as text; newest first. */
export type LiveSecret = { value: string; label: "CURRENT" | "PREVIOUS" };

/** Why a request is refused; for the trigger's owner and the metrics, never for the sender. In the order of checks. */
export type RefusalReason =
  | "SECRET_UNUSABLE"
  | "HEADER_MISSING"
  | "HEADER_AMBIGUOUS"
  | "TIMESTAMP_MALFORMED"
  | "TIMESTAMP_TOO_OLD"
  | "TIMESTAMP_IN_FUTURE"
  | "NO_SUPPORTED_SIGNATURE"
  | "SIGNATURE_MISMATCH";

export type Verification =
  | {
      outcome: "verified";
      matchedSecret: "CURRENT" | "PREVIOUS" /** The sender's id of the delivery. */;
      deliveryId: string;
    }
  | { outcome: "refused"; reason: RefusalReason };

/** One signature scheme: how its senders sign, and which secrets it takes. */
export type Scheme = {
  name: "STANDARD_WEBHOOKS";
  verify(request: ReceivedRequest, secrets: readonly LiveSecret[], toleranceSeconds: number): Verification;
  makeSecret(): string;
  /** Undefined = usable; else what is wrong, for the person who gave the secret. */
  secretProblem(secret: string): string | undefined;
};

/** The header's only value; a needed header that is absent, empty or sent twice refuses the request. */
export function singleHeader(
  request: ReceivedRequest,
  name: string,
): { value: string } | { reason: "HEADER_MISSING" | "HEADER_AMBIGUOUS" } {
  const values = request.headers.filter(([key]) => key === name).map(([, value]) => value);
  const [value] = values;
  if (value === undefined || value === "") return { reason: "HEADER_MISSING" };
  return values.length > 1 ? { reason: "HEADER_AMBIGUOUS" } : { value };
}

/** Judges a timestamp of unix seconds against the time of receipt, in both directions. */
export function timestampProblem(
  text: string,
  receivedAt: number,
  toleranceSeconds: number,
): "TIMESTAMP_MALFORMED" | "TIMESTAMP_TOO_OLD" | "TIMESTAMP_IN_FUTURE" | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return "TIMESTAMP_MALFORMED";
  const age = BigInt(Math.floor(receivedAt)) - BigInt(text);
  if (age > BigInt(toleranceSeconds)) return "TIMESTAMP_TOO_OLD";
  if (-age > BigInt(toleranceSeconds)) return "TIMESTAMP_IN_FUTURE";
  return undefined;
}
