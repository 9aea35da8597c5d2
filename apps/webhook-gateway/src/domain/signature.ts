import type { Envelope } from "@control-plane/crypto";
import { LRUCache } from "lru-cache";
import type { ReceivingTrigger, TriggerLookup } from "../store/triggers.ts";
import { findScheme } from "./schemes/all.ts";
import type { LiveSecret, ReceivedRequest, RefusalReason, Verification } from "./schemes/scheme.ts";
import { standardWebhooks } from "./schemes/standard-webhooks.ts";

/** Stands in where no trigger receives, so that such a request costs the same work and gets the same answer. */
const DUMMY_SECRETS: readonly LiveSecret[] = [
  { value: `whsec_${Buffer.alloc(32, 0x5a).toString("base64")}`, label: "CURRENT" },
];
const DUMMY_TOLERANCE_SECONDS = 300;

const SECRET_TTL_MS = 5 * 60_000;
const SECRETS_MAX = 10_000;

/** Opens a trigger's stored secrets; what was opened is kept by its ciphertext for at most 5 minutes. */
export type SecretReader = (trigger: ReceivingTrigger, nowSeconds: number) => Promise<readonly LiveSecret[]>;

export function createSecretReader(envelope: Envelope): SecretReader {
  const opened = new LRUCache<string, string>({ max: SECRETS_MAX, ttl: SECRET_TTL_MS });
  const open = async (trigger: ReceivingTrigger, column: string, cipher: Buffer): Promise<string> => {
    const key = cipher.toString("base64");
    const known = opened.get(key);
    if (known !== undefined) return known;
    const plain = await envelope.open(
      { tenantId: trigger.tenantId, table: "triggers", rowId: trigger.id, column },
      cipher,
    );
    const text = plain.toString("utf8");
    opened.set(key, text);
    return text;
  };
  return async (trigger, nowSeconds) => {
    const secrets: LiveSecret[] = [];
    if (trigger.secret !== undefined)
      secrets.push({ value: await open(trigger, "webhook_secret_cipher", trigger.secret), label: "CURRENT" });
    const { previousSecret, previousSecretExpiresAt } = trigger;
    if (previousSecret !== undefined && previousSecretExpiresAt !== undefined && nowSeconds < previousSecretExpiresAt) {
      secrets.push({ value: await open(trigger, "webhook_secret_previous_cipher", previousSecret), label: "PREVIOUS" });
    }
    return secrets;
  };
}

export type Judgement =
  | { outcome: "verified"; trigger: ReceivingTrigger; matchedSecret: LiveSecret["label"]; deliveryId: string }
  | { outcome: "refused"; triggerId: string | undefined; reason: RefusalReason | "NOT_RECEIVING" };

/** Verifies the raw bytes; a request without a receiving trigger is verified against a constant dummy and refused. */
export async function judge(
  readSecrets: SecretReader,
  lookup: TriggerLookup,
  request: ReceivedRequest,
): Promise<Judgement> {
  if (lookup.kind !== "receiving") {
    standardWebhooks.verify(request, DUMMY_SECRETS, DUMMY_TOLERANCE_SECONDS);
    return {
      outcome: "refused",
      triggerId: lookup.kind === "unknown" ? undefined : lookup.triggerId,
      reason: "NOT_RECEIVING",
    };
  }
  const { trigger } = lookup;
  const secrets = await readSecrets(trigger, request.receivedAt);
  const verification: Verification = findScheme(trigger.scheme)?.verify(request, secrets, trigger.toleranceSeconds) ?? {
    outcome: "refused",
    reason: "SECRET_UNUSABLE",
  };
  if (verification.outcome === "refused")
    return { outcome: "refused", triggerId: trigger.id, reason: verification.reason };
  return {
    outcome: "verified",
    trigger,
    matchedSecret: verification.matchedSecret,
    deliveryId: verification.deliveryId,
  };
}
