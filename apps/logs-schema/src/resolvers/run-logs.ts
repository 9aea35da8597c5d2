import type { LogPage } from "../domain/read-page.ts";
import { type RequestContext, resolvePage, uuidOrUndefined } from "./page-resolver.ts";

/** `getRunLogs`: lines of a run, ordered by attempt and sequence. */
export function getRunLogs(_root: unknown, args: { workflowRunId: string }, context: RequestContext): Promise<LogPage> {
  const workflowRunId = uuidOrUndefined(args.workflowRunId);
  return resolvePage(args, context, workflowRunId === undefined ? undefined : { kind: "run", workflowRunId });
}
