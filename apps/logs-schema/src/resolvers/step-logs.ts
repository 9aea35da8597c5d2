import type { LogPage } from "../domain/read-page.ts";
import { type RequestContext, resolvePage, uuidOrUndefined } from "./page-resolver.ts";

/** `getStepLogs`: lines of one step run, ordered by sequence. */
export function getStepLogs(_root: unknown, args: { stepRunId: string }, context: RequestContext): Promise<LogPage> {
  const stepRunId = uuidOrUndefined(args.stepRunId);
  return resolvePage(args, context, stepRunId === undefined ? undefined : { kind: "step", stepRunId });
}
