import { sha256, uuidv7 } from "@control-plane/crypto";
import type { DeliveryOutcome, NewDelivery } from "@control-plane/runs";
import { newTraceparent } from "@control-plane/service-kit";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { Deps } from "../deps.ts";
import { bodyToInput } from "./body.ts";
import { bodyPlace } from "./body-place.ts";
import { keptText } from "./kept-text.ts";
import { recordedHeaders } from "./recorded-headers.ts";
import type { Identity, ReceivedRequest, RefusalReason } from "./schemes/scheme.ts";
import { judge } from "./signature.ts";

const SENDER_ID_LENGTH_MAX = 255;

export type WebhookRequest = ReceivedRequest & {
  webhookPath: string;
  contentType: string | undefined;
  /** Undefined for a request of our own. */
  sourceIp: string | undefined;
  traceparent: string | undefined;
  /** Told the trigger's scheme once the trigger is found, whatever becomes of the request. */
  onScheme: (scheme: string) => void;
  /** By what the request is known again, instead of by what its scheme says. */
  identity?: Identity;
};

export type WebhookOutcome =
  | Exclude<DeliveryOutcome, { outcome: "not-receiving" }>
  /** One answer for all reasons; the reason is for the owner and the metrics. */
  | { outcome: "not-verified"; reason: RefusalReason | "NOT_RECEIVING" };

/**
 * Takes one webhook: verifies the raw bytes, turns them into a run's input, and writes delivery and run in one statement.
 * Refused requests write nothing. Throws `BODY_NOT_JSON`, `BODY_NOT_STORABLE`, and what stores
 * and key provider throw while they are away.
 */
export async function takeWebhook(
  deps: Pick<Deps, "findTrigger" | "readSecrets" | "rejections" | "envelope" | "batcher">,
  request: WebhookRequest,
): Promise<WebhookOutcome> {
  const lookup = await deps.findTrigger(request.webhookPath);
  if (lookup.kind === "receiving") request.onScheme(lookup.trigger.scheme);
  const judgement = await judge(deps.readSecrets, lookup, request);
  if (judgement.outcome === "refused") {
    if (judgement.triggerId !== undefined) deps.rejections.count(judgement.triggerId, judgement.reason);
    return { outcome: "not-verified", reason: judgement.reason };
  }
  const { trigger, receiver, matchedSecret } = judgement;
  const identity = request.identity ?? judgement.identity;
  await failpoint("gateway.after-verify");
  const input = bodyToInput(request.body, request.contentType);
  const deliveryId = uuidv7();
  const bodyCipher = await deps.envelope.seal(bodyPlace(trigger.tenantId, deliveryId), request.body);
  const delivery: NewDelivery = {
    deliveryId,
    runId: uuidv7(),
    tenantId: trigger.tenantId,
    triggerId: trigger.id,
    senderId: identity.senderId === undefined ? undefined : keptText(identity.senderId, SENDER_ID_LENGTH_MAX),
    dedupeKey: identity.dedupeKey,
    replayKey: identity.replayKey,
    bodyHash: sha256(request.body),
    bodyBytes: request.body.length,
    bodyCipher,
    contentType: request.contentType === undefined ? undefined : keptText(request.contentType, 1_000),
    headers: recordedHeaders(request, receiver),
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
