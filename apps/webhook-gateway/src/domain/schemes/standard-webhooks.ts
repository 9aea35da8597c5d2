import { createHmac, createPublicKey, type KeyObject, randomBytes, timingSafeEqual, verify } from "node:crypto";
import {
  type LiveSecret,
  type ReceivedRequest,
  type Scheme,
  singleHeader,
  timestampProblem,
  type Verification,
} from "./scheme.ts";

const NAMES = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;
/** The same three under the name of their inventor, used only where none of the standard names is present. */
const SVIX_NAMES = { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" } as const;

/** DER header of an Ed25519 SubjectPublicKeyInfo (RFC 8410); the 32 key bytes follow. */
const ED25519_SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

type Key = { kind: "hmac"; secret: Buffer } | { kind: "ed25519"; publicKey: KeyObject };

/** https://github.com/standard-webhooks/standard-webhooks: `id.timestamp.body`, HMAC-SHA256 (`v1`) or Ed25519 (`v1a`). */
export const standardWebhooks: Scheme = {
  name: "STANDARD_WEBHOOKS",

  verify(request, secrets, toleranceSeconds) {
    const keys = secrets.flatMap(({ value, label }) => {
      const key = decodeKey(value);
      return key === undefined ? [] : [{ key, label }];
    });
    if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
    const headers = readHeaders(request);
    if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
    const late = timestampProblem(headers.timestamp, request.receivedAt, toleranceSeconds);
    if (late !== undefined) return { outcome: "refused", reason: late };
    return compare(request.body, headers, keys);
  },

  makeSecret: () => `whsec_${randomBytes(32).toString("base64")}`,

  secretProblem(secret) {
    const key = decodeKey(secret);
    if (key === undefined) return "must be whsec_ and base64, or whpk_ and the base64 of a 32-byte Ed25519 public key";
    if (key.kind === "hmac" && (key.secret.length < 24 || key.secret.length > 64)) return "must hold 24 to 64 bytes";
    return undefined;
  },
};

type Headers = { id: string; timestamp: string; signature: string };

function readHeaders(request: ReceivedRequest): Headers | { reason: "HEADER_MISSING" | "HEADER_AMBIGUOUS" } {
  const present = new Set(request.headers.map(([name]) => name));
  const names = Object.values(NAMES).some((name) => present.has(name)) ? NAMES : SVIX_NAMES;
  const id = singleHeader(request, names.id);
  if ("reason" in id) return id;
  const timestamp = singleHeader(request, names.timestamp);
  if ("reason" in timestamp) return timestamp;
  const signature = singleHeader(request, names.signature);
  if ("reason" in signature) return signature;
  return { id: id.value, timestamp: timestamp.value, signature: signature.value };
}

/**
 * Every listed signature is tried against every key, without an early exit, so that the time tells nothing. What was
 * signed are bytes as sent: Node reads those of headers as Latin-1.
 */
function compare(
  body: Buffer,
  headers: Headers,
  keys: readonly { key: Key; label: LiveSecret["label"] }[],
): Verification {
  const signed = Buffer.concat([Buffer.from(`${headers.id}.${headers.timestamp}.`, "latin1"), body]);
  const candidates = headers.signature.split(" ").map((item) => {
    const comma = item.indexOf(",");
    return { version: comma < 0 ? item : item.slice(0, comma), value: comma < 0 ? undefined : item.slice(comma + 1) };
  });
  let supported = false;
  let matched: LiveSecret["label"] | undefined;
  for (const { key, label } of keys) {
    const version = key.kind === "hmac" ? "v1" : "v1a";
    const expected = key.kind === "hmac" ? createHmac("sha256", key.secret).update(signed).digest() : undefined;
    for (const candidate of candidates) {
      if (candidate.version !== version || candidate.value === undefined) continue;
      supported = true;
      const given = Buffer.from(candidate.value, "base64");
      const equal =
        key.kind === "hmac"
          ? expected !== undefined && given.length === expected.length && timingSafeEqual(given, expected)
          : given.length === 64 && verify(null, signed, key.publicKey, given);
      if (equal && matched !== "CURRENT") matched = label;
    }
  }
  if (matched !== undefined) return { outcome: "verified", matchedSecret: matched, deliveryId: headers.id };
  return { outcome: "refused", reason: supported ? "SIGNATURE_MISMATCH" : "NO_SUPPORTED_SIGNATURE" };
}

/** Undefined for a secret that cannot verify anything. Prefix `whsec_` and base64 padding are optional. */
function decodeKey(secret: string): Key | undefined {
  const isPublic = secret.startsWith("whpk_");
  const text = isPublic ? secret.slice("whpk_".length) : secret.replace(/^whsec_/, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0) return undefined;
  if (!isPublic) return { kind: "hmac", secret: bytes };
  if (bytes.length !== 32) return undefined;
  return {
    kind: "ed25519",
    publicKey: createPublicKey({ key: Buffer.concat([ED25519_SPKI_PREFIX, bytes]), format: "der", type: "spki" }),
  };
}
