import type { LogPage } from "../domain/read-page.ts";
import { type RequestContext, resolvePage, uuidOrUndefined } from "./page-resolver.ts";

type Arguments = { tenantId: string; stepRunId: string };

/** `getStepLogs`: lines of one step run, ordered by sequence. */
export function getStepLogs(_root: unknown, args: Arguments, context: RequestContext): Promise<LogPage> {
  const stepRunId = uuidOrUndefined(args.stepRunId);
  return resolvePage("step", args, context, stepRunId === undefined ? undefined : { kind: "step", stepRunId });
}
