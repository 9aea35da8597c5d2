import type { LogPage } from "../domain/read-page.ts";
import { type RequestContext, resolvePage, uuidOrUndefined } from "./page-resolver.ts";

type Arguments = { tenantId: string; workflowRunId: string };

/** `getRunLogs`: lines of a run, ordered by attempt and sequence. */
export function getRunLogs(_root: unknown, args: Arguments, context: RequestContext): Promise<LogPage> {
  const workflowRunId = uuidOrUndefined(args.workflowRunId);
  return resolvePage("run", args, context, workflowRunId === undefined ? undefined : { kind: "run", workflowRunId });
}
