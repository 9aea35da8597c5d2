import { cancelRun } from "./cancel-run.ts";
import { runWorkflow } from "./run-workflow.ts";

/** Every Hasura action of this service; hasura/metadata names the same. */
export const allActions = [cancelRun, runWorkflow];
