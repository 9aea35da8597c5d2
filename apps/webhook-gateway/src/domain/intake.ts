import { sha256, uuidv7 } from "@control-plane/crypto";
import type { DeliveryOutcome, NewDelivery } from "@control-plane/runs";
import { newTraceparent } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { bodyToInput } from "./body.ts";
import { dedupeKey } from "./dedupe.ts";
import { recordedHeaders } from "./recorded-headers.ts";
import type { ReceivedRequest, RefusalReason } from "./schemes/scheme.ts";
import { judge } from "./signature.ts";

export type WebhookRequest = ReceivedRequest & {
  webhookPath: string;
  contentType: string | undefined;
  sourceIp: string;
  traceparent: string | undefined;
};

export type WebhookOutcome =
  | Exclude<DeliveryOutcome, { outcome: "not-receiving" }>
  /** One answer for all reasons; the reason is for the owner and the metrics. */
  | { outcome: "not-verified"; reason: RefusalReason | "NOT_RECEIVING" };

/**
 * Takes one webhook: verifies the raw bytes, turns them into a run's input, and writes delivery and run in one statement.
 * Refused requests write nothing. Throws `BODY_NOT_JSON`, `BODY_NOT_STORABLE`, `UNAVAILABLE`.
 */
export async function takeWebhook(
  deps: Pick<Deps, "findTrigger" | "readSecrets" | "rejections" | "envelope" | "batcher">,
  request: WebhookRequest,
): Promise<WebhookOutcome> {
  const lookup = await deps.findTrigger(request.webhookPath);
  const judgement = await judge(deps.readSecrets, lookup, request);
  if (judgement.outcome === "refused") {
    if (judgement.triggerId !== undefined) deps.rejections.count(judgement.triggerId, judgement.reason);
    return { outcome: "not-verified", reason: judgement.reason };
  }
  const { trigger, matchedSecret, deliveryId: senderId } = judgement;
  const input = bodyToInput(request.body, request.contentType);
  const deliveryId = uuidv7();
  const bodyCipher = await deps.envelope.seal(
    { tenantId: trigger.tenantId, table: "webhook_deliveries", rowId: deliveryId, column: "body_cipher" },
    request.body,
  );
  const delivery: NewDelivery = {
    deliveryId,
    runId: uuidv7(),
    triggerId: trigger.id,
    senderId: senderId.slice(0, 255),
    dedupeKey: dedupeKey("id", senderId),
    replayKey: undefined,
    bodyHash: sha256(request.body),
    bodyBytes: request.body.length,
    bodyCipher,
    contentType: request.contentType?.slice(0, 1_000),
    headers: recordedHeaders(request.headers),
    matchedSecret,
    sourceIp: request.sourceIp,
    input,
    traceparent: request.traceparent ?? newTraceparent(),
  };
  const outcome = await deps.batcher.submit(delivery);
  if (outcome.outcome !== "not-receiving") return outcome;
  deps.rejections.count(trigger.id, "NOT_RECEIVING");
  return { outcome: "not-verified", reason: "NOT_RECEIVING" };
}
