import { createWebhookTrigger } from "./create-webhook-trigger.ts";

/** Every Hasura action of this service; hasura/metadata names the same. */
export const allActions = [createWebhookTrigger];
