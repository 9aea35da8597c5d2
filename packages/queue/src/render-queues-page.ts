import { contractSchemas } from "./contract-schemas.ts";
import type { QueueContract } from "./queue-contract.ts";
import { runEvents } from "./run-events.ts";
import { runRequested } from "./run-requested.ts";

/** docs/queues.md. */
export function renderQueuesPage(): string {
  const queues: readonly {
    contract: Pick<QueueContract<object>, "name" | "contractVersion" | "options">;
    direction: string;
    jobId: string;
  }[] = [
    { contract: runRequested, direction: "orchestrator → runner", jobId: "`<runId>_<attempt>`" },
    { contract: runEvents, direction: "runner → orchestrator", jobId: "`<runId>_<attempt>_<signature>`" },
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
