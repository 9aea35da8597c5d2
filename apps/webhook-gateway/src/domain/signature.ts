import { createHmac, createSecretKey, generateKeyPairSync, sign, timingSafeEqual, verify } from "node:crypto";
import { type Envelope, EnvelopeError } from "@control-plane/crypto";
import { LRUCache } from "lru-cache";
import type { TriggerLookup, TriggerSigning } from "../store/triggers.ts";
import { findScheme } from "./schemes/all.ts";
import type {
  Identity,
  LiveSecret,
  ReceivedRequest,
  Receiver,
  RefusalReason,
  Verification,
  Work,
} from "./schemes/scheme.ts";
import { ed25519sIn, standardWebhooks } from "./schemes/standard-webhooks.ts";
import { type SecretColumn, secretPlace } from "./trigger-secret.ts";

/** Of a trigger whose scheme or configuration cannot be used. */
const REFUSES_ALL: Receiver = {
  headersKept: [],
  headersRedacted: [],
  verify: () => ({ outcome: "refused", reason: "SECRET_UNUSABLE" }),
  sign: () => undefined,
};

type Subject = { receiver: Receiver; secrets: readonly LiveSecret[]; toleranceSeconds: number };

/** Stands in where no trigger receives, so that such a request costs the same work and gets the same answer. */
const DUMMY_TRIGGER: TriggerSigning = {
  id: "",
  tenantId: "",
  scheme: standardWebhooks.name,
  config: {},
  toleranceSeconds: 300,
  /** As long as those of real ones, to be looked for among the secrets that were opened. */
  secret: Buffer.alloc(100),
  previousSecret: undefined,
  previousSecretExpiresAt: undefined,
};
const DUMMY: Subject = {
  receiver: standardWebhooks.receiver({}) ?? REFUSES_ALL,
  secrets: [{ value: `whsec_${Buffer.alloc(32, 0x5a).toString("base64")}`, label: "CURRENT" }],
  toleranceSeconds: 300,
};

/** A trigger has at most two live secrets, so that often each signature of a body is tried before it is refused. */
const SECRETS_PER_REFUSAL = 2;
/** An object, as the keys of real secrets are by then. */
const DUMMY_HMAC_KEY = createSecretKey(Buffer.alloc(32, 0x5a));
const DUMMY_KEYS = generateKeyPairSync("ed25519");
const DUMMY_SIGNATURE = sign(null, Buffer.from("another body"), DUMMY_KEYS.privateKey);
const DUMMY_DIGEST = Buffer.alloc(32);

const SECRET_TTL_MS = 5 * 60_000;
const SECRETS_MAX = 10_000;

/**
 * Opens a trigger's stored secrets; what was opened, or does not open, is kept by its ciphertext for at most 5 minutes. To try
 * in vain each time would tell a trigger without a usable secret by the time it takes.
 */
export type SecretReader = (trigger: TriggerSigning, nowSeconds: number) => Promise<readonly LiveSecret[]>;

export function createSecretReader(envelope: Envelope): SecretReader {
  const opened = new LRUCache<string, { text: string | undefined }>({ max: SECRETS_MAX, ttl: SECRET_TTL_MS });
  const open = async (trigger: TriggerSigning, column: SecretColumn, cipher: Buffer): Promise<string | undefined> => {
    const key = cipher.toString("base64");
    const known = opened.get(key);
    if (known !== undefined) return known.text;
    const plain = await envelope.open(secretPlace(trigger, column), cipher).catch((error: unknown) => {
      // A value that is none verifies nothing. A key that cannot be had is our own fault, which the sender must not pay for.
      if (error instanceof EnvelopeError && error.blames === "value") return undefined;
      throw error;
    });
    const text = plain?.toString("utf8");
    opened.set(key, { text });
    return text;
  };
  return async (trigger, nowSeconds) => {
    const { secret, previousSecret, previousSecretExpiresAt } = trigger;
    const current = secret === undefined ? undefined : await open(trigger, "webhook_secret_cipher", secret);
    const isPreviousLive = previousSecretExpiresAt !== undefined && nowSeconds < previousSecretExpiresAt;
    const previous =
      previousSecret !== undefined && isPreviousLive
        ? await open(trigger, "webhook_secret_previous_cipher", previousSecret)
        : undefined;
    return [
      ...(current === undefined ? [] : [{ value: current, label: "CURRENT" } as const]),
      ...(previous === undefined ? [] : [{ value: previous, label: "PREVIOUS" } as const]),
    ];
  };
}

export type Judgement =
  | {
      outcome: "verified";
      trigger: TriggerSigning;
      receiver: Receiver;
      matchedSecret: LiveSecret["label"] | "NONE";
      identity: Identity;
    }
  | { outcome: "refused"; triggerId: string | undefined; reason: RefusalReason | "NOT_RECEIVING" };

/** Verifies the raw bytes; a request without a receiving trigger is verified against a constant dummy and refused. */
export async function judge(
  readSecrets: SecretReader,
  lookup: TriggerLookup,
  request: ReceivedRequest,
): Promise<Judgement> {
  const isReceiving = lookup.kind === "receiving";
  const own = await subjectOf(readSecrets, isReceiving ? lookup.trigger : DUMMY_TRIGGER, request);
  const { receiver, secrets, toleranceSeconds } = isReceiving ? own : DUMMY;
  const verification = receiver.verify(request, secrets, toleranceSeconds);
  if (lookup.kind === "receiving" && verification.outcome === "verified") {
    const { matchedSecret, identity } = verification;
    return { outcome: "verified", trigger: lookup.trigger, receiver, matchedSecret, identity };
  }
  evenOut(request, workOf(verification, secrets) ?? judgeByDummy(request));
  if (lookup.kind === "receiving" && verification.outcome === "refused")
    return { outcome: "refused", triggerId: lookup.trigger.id, reason: verification.reason };
  const triggerId = lookup.kind === "not-receiving" ? lookup.triggerId : undefined;
  return { outcome: "refused", triggerId, reason: "NOT_RECEIVING" };
}

/** A trigger is looked up once for many requests, and its configuration is read once for all of them. */
const receivers = new WeakMap<TriggerSigning, Receiver>();

async function subjectOf(
  readSecrets: SecretReader,
  trigger: TriggerSigning,
  { receivedAt }: ReceivedRequest,
): Promise<Subject> {
  const scheme = findScheme(trigger.scheme);
  const receiver = receivers.get(trigger) ?? scheme?.receiver(trigger.config) ?? REFUSES_ALL;
  receivers.set(trigger, receiver);
  const secrets = scheme?.secret.kind === "none" ? [] : await readSecrets(trigger, receivedAt);
  return { receiver, secrets, toleranceSeconds: trigger.toleranceSeconds };
}

/** Undefined where the request was not even looked at. */
function workOf(verification: Verification, secrets: readonly LiveSecret[]): Work | undefined {
  if (verification.outcome === "verified") return { hmacs: secrets.length, ed25519s: 0 };
  const { reason, work } = verification;
  if (reason === "SECRET_UNUSABLE") return undefined;
  return work ?? { hmacs: reason === "SIGNATURE_MISMATCH" ? secrets.length : 0, ed25519s: 0 };
}

/** Looks at a request as at one without a receiving trigger. */
function judgeByDummy(request: ReceivedRequest): Work {
  const { receiver, secrets, toleranceSeconds } = DUMMY;
  return workOf(receiver.verify(request, secrets, toleranceSeconds), secrets) ?? { hmacs: 0, ed25519s: 0 };
}

/** Spends on a refused body what a wrong signature would have cost, so that the time does not tell the reason. */
function evenOut(request: ReceivedRequest, work: Work): void {
  for (let done = work.hmacs; done < SECRETS_PER_REFUSAL; done++)
    timingSafeEqual(createHmac("sha256", DUMMY_HMAC_KEY).update(request.body).digest(), DUMMY_DIGEST);
  const ed25519s = ed25519sIn(request) * SECRETS_PER_REFUSAL;
  for (let done = work.ed25519s; done < ed25519s; done++)
    verify(null, request.body, DUMMY_KEYS.publicKey, DUMMY_SIGNATURE);
}
