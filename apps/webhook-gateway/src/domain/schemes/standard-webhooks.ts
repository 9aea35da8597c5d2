import { createPublicKey, type KeyObject, randomBytes, verify } from "node:crypto";
import { LRUCache } from "lru-cache";
import { headerBytes, neededHeaders } from "./headers.ts";
import { decodeDigest, digestOf, type Match, matchHmac } from "./hmac.ts";
import { identify } from "./identity.ts";
import { defineScheme, type LiveSecret, noConfig, type ReceivedRequest, type Receiver } from "./scheme.ts";
import { timestampProblem } from "./timestamp.ts";

const NAMES = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;
/** The same three under the name of their inventor, used only where none of the standard names is present. */
const SVIX_NAMES = { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" } as const;

const STANDARD: ReadonlySet<string> = new Set(Object.values(NAMES));

/** DER header of an Ed25519 SubjectPublicKeyInfo (RFC 8410); the 32 key bytes follow. */
const ED25519_SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const ED25519_SIGNATURE_BYTES = 64;
/** Each costs a hundred times an HMAC, and whoever sends the request chooses how many there are. */
const ED25519_TRIED_MAX = 4;
/** Public keys are no secrets; to make such an object costs as much as several HMACs. */
const publicKeys = new LRUCache<string, KeyObject>({ max: 1_000 });

type Key =
  | { kind: "hmac"; bytes: Buffer; label: LiveSecret["label"] }
  | { kind: "ed25519"; bytes: Buffer; label: LiveSecret["label"] };

/** https://github.com/standard-webhooks/standard-webhooks: `id.timestamp.body`, HMAC-SHA256 (`v1`) or Ed25519 (`v1a`). */
const receiver: Receiver = {
  headersKept: [NAMES.id, NAMES.timestamp],
  headersRedacted: [NAMES.signature, SVIX_NAMES.signature],

  verify(request, secrets, toleranceSeconds) {
    const keys = secrets.map(decodeKey).filter((key) => key !== undefined);
    if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
    const names = namesIn(request);
    const headers = neededHeaders(request, [names.id, names.timestamp, names.signature]);
    if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
    const [id, timestamp] = [headers.valueOf(names.id), headers.valueOf(names.timestamp)];
    const late = timestampProblem(timestamp, request.receivedAt, toleranceSeconds);
    if (late !== undefined) return { outcome: "refused", reason: late };
    const listed = readList(headers.valueOf(names.signature));
    const hmacs = listed.v1.length === 0 ? [] : keys.filter((key) => key.kind === "hmac");
    const ed25519s = listed.v1a.length === 0 ? [] : keys.filter((key) => key.kind === "ed25519");
    if (hmacs.length + ed25519s.length === 0) return { outcome: "refused", reason: "NO_SUPPORTED_SIGNATURE" };
    const signed = signedBytes(id, timestamp, request.body);
    const matches = [matchHmac("sha256", signed, listed.v1, hmacs), matchEd25519(signed, listed.v1a, ed25519s)];
    const match = matches.find((found) => found?.label === "CURRENT") ?? matches.find((found) => found !== undefined);
    const work = { hmacs: hmacs.length, ed25519s: ed25519s.length * countGiven(listed.v1a) };
    if (match === undefined) return { outcome: "refused", reason: "SIGNATURE_MISMATCH", work };
    return { outcome: "verified", matchedSecret: match.label, identity: identify(id, signed) };
  },

  sign({ body, id, timestamp }, secret) {
    const key = secret === undefined ? undefined : decodeKey({ value: secret, label: "CURRENT" });
    if (key?.kind !== "hmac") return undefined;
    const digest = digestOf("sha256", signedBytes(id, timestamp, body), key.bytes).toString("base64");
    return { [NAMES.id]: id, [NAMES.timestamp]: timestamp, [NAMES.signature]: `v1,${digest}` };
  },
};

function signedBytes(id: string, timestamp: string, body: Buffer): Buffer[] {
  return [headerBytes(`${id}.${timestamp}.`), body];
}

function namesIn(request: ReceivedRequest): Readonly<Record<keyof typeof NAMES, string>> {
  return request.headers.some(([name]) => STANDARD.has(name)) ? NAMES : SVIX_NAMES;
}

/** How many Ed25519 signatures of a request are tried against each key that is one. */
export function ed25519sIn(request: ReceivedRequest): number {
  const { signature } = namesIn(request);
  return request.headers
    .filter(([name]) => name === signature)
    .reduce((count, [, value]) => count + countGiven(readList(value).v1a), 0);
}

function countGiven(list: readonly (Buffer | undefined)[]): number {
  return list.filter((item) => item !== undefined).length;
}

/** `v1,<base64> v1a,<base64>`; other versions are for others. What can be no signature stays in the list as undefined. */
function readList(header: string): { v1: (Buffer | undefined)[]; v1a: (Buffer | undefined)[] } {
  const items = header.split(" ").map((item) => {
    const comma = item.indexOf(",");
    return { version: comma < 0 ? undefined : item.slice(0, comma), value: item.slice(comma + 1) };
  });
  const valuesOf = (wanted: string) =>
    items.filter(({ version }) => version === wanted).map(({ value }) => decodeDigest(value, "base64"));
  const v1a = valuesOf("v1a").slice(0, ED25519_TRIED_MAX);
  return {
    v1: valuesOf("v1"),
    v1a: v1a.map((value) => (value?.length === ED25519_SIGNATURE_BYTES ? value : undefined)),
  };
}

/** Like its HMAC counterpart: every candidate against every key, no early exit. */
function matchEd25519(
  signed: readonly Buffer[],
  candidates: readonly (Buffer | undefined)[],
  keys: readonly { bytes: Buffer; label: LiveSecret["label"] }[],
): Match | undefined {
  if (keys.length === 0) return undefined;
  const message = Buffer.concat(signed);
  let match: Match | undefined;
  for (const { bytes, label } of keys) {
    const publicKey = publicKeyOf(bytes);
    for (const signature of candidates) {
      if (signature === undefined) continue;
      if (verify(null, message, publicKey, signature) && match?.label !== "CURRENT") match = { label, signature };
    }
  }
  return match;
}

/** Undefined for a secret that cannot verify anything. Prefix `whsec_` and base64 padding are optional. */
function decodeKey({ value, label }: LiveSecret): Key | undefined {
  const isPublic = value.startsWith("whpk_");
  const text = isPublic ? value.slice("whpk_".length) : value.replace(/^whsec_/, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0) return undefined;
  if (!isPublic) return { kind: "hmac", bytes, label };
  return bytes.length === 32 ? { kind: "ed25519", bytes, label } : undefined;
}

function publicKeyOf(bytes: Buffer): KeyObject {
  const name = bytes.toString("base64");
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const spki = Buffer.concat([ED25519_SPKI_PREFIX, bytes]);
  const made = createPublicKey({ key: spki, format: "der", type: "spki" });
  publicKeys.set(name, made);
  return made;
}

function secretProblem(secret: string): string | undefined {
  const key = decodeKey({ value: secret, label: "CURRENT" });
  if (key === undefined) return "must be whsec_ and base64, or whpk_ and the base64 of a 32-byte Ed25519 public key";
  if (key.kind === "hmac" && (key.bytes.length < 24 || key.bytes.length > 64)) return "must hold 24 to 64 bytes";
  return undefined;
}

export const standardWebhooks = defineScheme({
  name: "STANDARD_WEBHOOKS",
  configSchema: noConfig,
  secret: { kind: "ours", make: () => `whsec_${randomBytes(32).toString("base64")}`, problem: secretProblem },
  receiver: () => receiver,
});
