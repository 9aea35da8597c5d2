import { z } from "zod";
import type { QueueContract } from "./contract.ts";
import { runEvents, runEventsSchema } from "./run-events.ts";
import { runRequested, runRequestedSchema } from "./run-requested.ts";
import {
  claimReplySchema,
  claimRequestSchema,
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
} as const satisfies Record<string, z.ZodType>;

function withVersion(schema: z.ZodObject, contractVersion: number): z.ZodObject {
  return z.object({ contractVersion: z.literal(contractVersion) }).extend(schema.shape);
}

/** The JSON Schema of a contract, for runners in other languages. */
export function renderJsonSchema(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { unrepresentable: "any", io: "input" }), undefined, 2)}\n`;
}

/** docs/queues.md. */
export function renderQueuesPage(): string {
  const queues: readonly {
    contract: Pick<QueueContract<object>, "name" | "contractVersion" | "options">;
    direction: string;
    jobId: string;
  }[] = [
    { contract: runRequested, direction: "orchestrator → runner", jobId: "`<runId>_<attempt>`" },
    { contract: runEvents, direction: "runner → orchestrator", jobId: "`<runId>_<attempt>_<first seq>`" },
  ];
  const rows = queues.map(
    ({ contract, direction, jobId }) =>
      `| \`${contract.name}\` | ${direction} | ${contract.contractVersion} | ${jobId} | ${contract.options.attempts ?? 1} |`,
  );
  const files = Object.keys(contractSchemas).map(
    (name) => `- [${name}](../packages/queue/schemas/${name}.schema.json)`,
  );
  return [
    "# Queues and runner contracts",
    "",
    "Generated from `packages/queue` by `npm run gen`. Jobs hold ids only; what a runner needs it gets by claiming.",
    "",
    "| queue | direction | contract version | job id | attempts |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "JSON Schemas:",
    "",
    ...files,
    "",
  ].join("\n");
}
