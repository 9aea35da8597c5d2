import { createWebhookTrigger } from "./create-webhook-trigger.ts";
import { replayDelivery } from "./replay-delivery.ts";
import { rotateTriggerSecret } from "./rotate-trigger-secret.ts";
import { sendTestWebhook } from "./send-test-webhook.ts";

/** Every Hasura action of this service; hasura/metadata names the same. */
export const allActions = [createWebhookTrigger, rotateTriggerSecret, sendTestWebhook, replayDelivery];
