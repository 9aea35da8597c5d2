import { z } from "zod";
import { defineQueue } from "./queue-contract.ts";

export const runRequestedSchema = z.object({
  runId: z.uuid().describe("the run to claim"),
  attempt: z.int().positive().describe("the attempt this job is for; any other is stale"),
});
export type RunRequested = z.infer<typeof runRequestedSchema>;

/** orchestrator → runner. Retries belong to the run's row, so a job has one attempt. */
export const runRequested = defineQueue<RunRequested>({
  name: "run-requested",
  contractVersion: 1,
  payload: runRequestedSchema,
  jobId: ({ runId, attempt }) => `${runId}_${attempt}`,
  options: { attempts: 1, removeOnComplete: { age: 3600 }, removeOnFail: { age: 24 * 3600 } },
});
