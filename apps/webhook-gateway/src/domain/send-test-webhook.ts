import { uuidv7 } from "@control-plane/crypto";
import { type Caller, currentTrace, inTime } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { Deps } from "../deps.ts";
import { findTriggerByPath, findWebhookTrigger, type WebhookTrigger } from "../store/triggers.ts";
import { takeWebhook, type WebhookRequest } from "./intake.ts";
import { findScheme } from "./schemes/all.ts";
import { STATUS_OF_OUTCOME } from "./status-of-outcome.ts";

/** What a sender would have heard; no ids where nothing was stored. */
export type TestedWebhook = { httpStatus: number; deliveryId: string | null; runId: string | null };

/**
 * Sends a trigger a request as its sender would: signed with the real secret, with a fresh id and time, through the whole
 * intake; what is accepted is a real delivery and run. It is never a repeat, and no later delivery is one of it.
 * Throws `NOT_FOUND` (trigger), `BAD_INPUT` (a secret that only its sender can sign with), `CONFLICT` (a secret or
 * configuration that cannot be used).
 */
export async function sendTestWebhook(
  deps: Deps,
  caller: Caller,
  { triggerId, payload }: { triggerId: string; payload: unknown },
): Promise<TestedWebhook> {
  const trigger = await findWebhookTrigger(deps.db, caller.tenantId, triggerId);
  if (trigger === undefined) throw new AppError("NOT_FOUND", "there is no such webhook trigger");
  const request = await signedRequest(deps, trigger, Buffer.from(JSON.stringify(payload), "utf8"));
  // A secret that was rotated a moment ago must not be judged by a look-up that is still kept.
  const fresh: Deps = { ...deps, findTrigger: (webhookPath) => findTriggerByPath(deps.db, webhookPath) };
  try {
    const outcome = await inTime(takeWebhook(fresh, request), deps.intakeMsMax);
    const httpStatus = STATUS_OF_OUTCOME[outcome.outcome];
    return "runId" in outcome
      ? { httpStatus, deliveryId: outcome.deliveryId, runId: outcome.runId }
      : { httpStatus, deliveryId: null, runId: null };
  } catch (error) {
    if (error instanceof AppError) return { httpStatus: error.status, deliveryId: null, runId: null };
    throw error;
  }
}

async function signedRequest(
  deps: Pick<Deps, "readSecrets">,
  trigger: WebhookTrigger,
  body: Buffer,
): Promise<WebhookRequest> {
  const receivedAt = Date.now() / 1000;
  const id = `test_${uuidv7()}`;
  const draft = { method: "POST", target: `/hooks/${trigger.webhookPath}`, body, id };
  const scheme = findScheme(trigger.scheme);
  const receiver = scheme?.receiver(trigger.config);
  const secrets = scheme?.secret.kind === "none" ? [] : await deps.readSecrets(trigger, receivedAt);
  const secret = secrets.find(({ label }) => label === "CURRENT")?.value;
  if (receiver === undefined || (secret === undefined && scheme?.secret.kind !== "none"))
    throw new AppError("CONFLICT", "the trigger's secret or configuration cannot be used");
  const signature = receiver.sign({ ...draft, timestamp: String(Math.floor(receivedAt)) }, secret);
  if (signature === undefined) throw new AppError("BAD_INPUT", "only the sender can sign with this trigger's secret");
  const contentType = "application/json";
  return {
    ...draft,
    webhookPath: trigger.webhookPath,
    headers: Object.entries({ "content-type": contentType, "user-agent": "control-plane-test", ...signature }),
    contentType,
    receivedAt,
    sourceIp: undefined,
    traceparent: currentTrace()?.traceparent,
    onScheme: () => {},
    identity: { senderId: id, dedupeKey: undefined, replayKey: undefined },
  };
}
