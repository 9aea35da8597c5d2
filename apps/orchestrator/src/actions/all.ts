import { cancelRun } from "./cancel-run.ts";
import { cancelRuns } from "./cancel-runs.ts";
import { createScheduleTrigger } from "./create-schedule-trigger.ts";
import { discardDeadLetter } from "./discard-dead-letter.ts";
import { redriveDeadLetter } from "./redrive-dead-letter.ts";
import { retryRun } from "./retry-run.ts";
import { retryRuns } from "./retry-runs.ts";
import { runWorkflow } from "./run-workflow.ts";
import { updateScheduleTrigger } from "./update-schedule-trigger.ts";

/** Every Hasura action of this service; hasura/metadata names the same. */
export const allActions = [
  cancelRun,
  cancelRuns,
  createScheduleTrigger,
  discardDeadLetter,
  redriveDeadLetter,
  retryRun,
  retryRuns,
  runWorkflow,
  updateScheduleTrigger,
];
