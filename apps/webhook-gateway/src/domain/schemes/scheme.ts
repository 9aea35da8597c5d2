import type { signatureScheme } from "@control-plane/db";
import { z } from "zod";

/** A request as it arrived; header names are lower-case, in order, duplicates kept. */
export type ReceivedRequest = {
  method: string;
  /** The request target as received, query included. */
  target: string;
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
  /** Unix seconds at the request's first byte. */
  receivedAt: number;
};

/** A request of our own, to be signed as its sender would: with a fresh id and the time in unix seconds. */
export type UnsignedRequest = Pick<ReceivedRequest, "method" | "target" | "body"> & { id: string; timestamp: string };

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

/** By what a verified request is known when it comes again. */
export type Identity = {
  /** The sender's id of the delivery, as sent. */
  senderId: string | undefined;
  /** Undefined: every request is a new one. */
  dedupeKey: Buffer | undefined;
  /** Where the id is not signed: the same signature under another id is an old request with a new label. */
  replayKey: Buffer | undefined;
};

export type Verification =
  | { outcome: "verified"; matchedSecret: LiveSecret["label"] | "NONE"; identity: Identity }
  /** `work` where it is not one HMAC for each secret at a mismatch, and none before that. */
  | { outcome: "refused"; reason: RefusalReason; work?: Work };

/** What a verification cost: how often the body went through each. */
export type Work = { hmacs: number; ed25519s: number };

/** How requests to one trigger are judged, under what that trigger is configured with. */
export type Receiver = {
  verify(request: ReceivedRequest, secrets: readonly LiveSecret[], toleranceSeconds: number): Verification;
  /** The headers that a sender adds. Undefined where that cannot be done with this secret, or without one. */
  sign(request: UnsignedRequest, secret: string | undefined): Readonly<Record<string, string>> | undefined;
  /** Lower-case names of headers that are kept with a delivery, beside those kept for every scheme. */
  headersKept: readonly string[];
  /** Those that carry signatures: never kept, whatever else says so. */
  headersRedacted: readonly string[];
};

/** `problem`: undefined = usable; else what is wrong, for the person who gave the secret. */
export type SecretRule =
  /** The owner hands the secret to the sender: made here unless he gives one. */
  | { kind: "ours"; make(): string; problem(secret: string): string | undefined }
  /** The sender's own software makes the secret, so the owner has to give it. */
  | { kind: "senders"; problem(secret: string): string | undefined }
  | { kind: "none" };

export type SchemeName = (typeof signatureScheme.enumValues)[number];

/** One signature scheme: how its senders sign, which secrets it takes, and by what it knows a request again. */
export type Scheme = {
  name: SchemeName;
  secret: SecretRule;
  /** What a trigger may be configured with; its output is what is stored. */
  configSchema: z.ZodType<object>;
  /** Undefined for a stored configuration that does not fit: then nothing verifies. */
  receiver(config: unknown): Receiver | undefined;
};

/** Ties a scheme's configuration to the receiver that is made of it. */
export function defineScheme<C extends object>(definition: {
  name: SchemeName;
  secret: SecretRule;
  configSchema: z.ZodType<C>;
  receiver(config: C): Receiver;
}): Scheme {
  const { name, secret, configSchema, receiver } = definition;
  return {
    name,
    secret,
    configSchema,
    receiver(config) {
      const parsed = configSchema.safeParse(config);
      return parsed.success ? receiver(parsed.data) : undefined;
    },
  };
}

/** Of a scheme whose senders all sign the same way. */
export const noConfig = z.strictObject({});

/** For keys that are texts: used as their UTF-8 bytes, whatever they look like. */
export const anyText = (): undefined => undefined;
