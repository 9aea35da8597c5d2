import { z } from "zod";
import { runEvents, runEventsSchema } from "./run-events.ts";
import { runRequested, runRequestedSchema } from "./run-requested.ts";
import {
  claimReplySchema,
  claimRequestSchema,
  credentialRefusalSchema,
  credentialsReplySchema,
  credentialsRequestSchema,
  eventsReplySchema,
  eventsRequestSchema,
  heartbeatReplySchema,
  heartbeatRequestSchema,
  runEventsBodySchema,
} from "./runner-api.ts";

/** Every contract by the name of its schema file. */
export const contractSchemas = {
  "run-requested": withVersion(runRequestedSchema, runRequested.contractVersion),
  "run-events": withVersion(runEventsSchema, runEvents.contractVersion),
  "run-events-body": runEventsBodySchema,
  "claim-request": claimRequestSchema,
  "claim-reply": claimReplySchema,
  "heartbeat-request": heartbeatRequestSchema,
  "heartbeat-reply": heartbeatReplySchema,
  "events-request": eventsRequestSchema,
  "events-reply": eventsReplySchema,
  "credentials-request": credentialsRequestSchema,
  "credentials-reply": credentialsReplySchema,
  "credential-refusal": credentialRefusalSchema,
} as const satisfies Record<string, z.ZodType>;

function withVersion(schema: z.ZodObject, contractVersion: number): z.ZodObject {
  return z.object({ contractVersion: z.literal(contractVersion) }).extend(schema.shape);
}

/** The JSON Schema of a contract, for runners in other languages. */
export function renderJsonSchema(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { unrepresentable: "any", io: "input" }), undefined, 2)}\n`;
}
